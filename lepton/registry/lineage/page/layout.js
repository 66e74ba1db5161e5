"use strict";
// Where everything lies: a lane a domain, a column further right than the parent and than the version before in the lane.
// Pure: takes the graph and what is switched on, returns places; knows nothing of the page.
const SIZE = { card: [150, 46], pill: [150, 22], column: 186, label: 165, gap: 7, pad: 12 };

function layout(graph, on) {
  const kept = new Set(graph.nodes.filter((n) => n.kind !== "version" || on.minor || !n.minor).map((n) => n.id));
  const parent = new Map();
  for (const e of graph.edges) if (e.kind === "parent") parent.set(e.to, e);
  const edges = [];
  for (const node of graph.nodes) {
    if (node.kind !== "version" || !kept.has(node.id)) continue;
    let edge = parent.get(node.id), between = 0;
    while (edge) {
      between += edge.between;
      if (kept.has(edge.from)) { edges.push({ from: edge.from, to: node.id, kind: "parent", between }); break; }
      between += 1;
      edge = parent.get(edge.from);
    }
  }
  const attached = new Map();  // the version in whose column a data set or a cause is drawn: the first that is shown
  for (const e of graph.edges) {
    if (e.kind === "parent" || !kept.has(e.to) || !on[e.kind]) continue;
    edges.push(e);
    if (!attached.has(e.from)) attached.set(e.from, e.to);
  }
  const above = new Map(edges.filter((e) => e.kind === "parent").map((e) => [e.to, e.from]));
  const column = new Map([["source", 0]]), last = new Map([[graph.source, 0]]);
  for (const node of graph.nodes) {
    if (node.kind !== "version" || !kept.has(node.id)) continue;
    const from = column.get(above.get(node.id)) ?? 0, before = last.get(node.lane) ?? 0;
    const at = Math.max(from, before) + 1;
    column.set(node.id, at);
    last.set(node.lane, at);
  }
  const stacks = new Map();  // version -> its causes and data
  for (const node of graph.nodes) {
    const home = attached.get(node.id);
    if (!home) continue;
    if (!stacks.has(home)) stacks.set(home, { cause: [], data: [] });
    stacks.get(home)[node.kind].push(node);
  }
  const lanes = [], places = new Map();
  let y = 0;
  for (const lane of graph.lanes) {
    const cards = graph.nodes.filter((n) => n.lane === lane.id && column.has(n.id));
    const total = graph.nodes.filter((n) => n.lane === lane.id && n.kind === "version").length;
    const shown = cards.filter((n) => n.kind === "version").length;
    if (!cards.length) continue;
    const most = (kind) => Math.max(0, ...cards.map((n) => (stacks.get(n.id) || { [kind]: [] })[kind].length));
    const step = SIZE.pill[1] + SIZE.gap, top = y + SIZE.pad + most("cause") * step;
    for (const node of cards) {
      const x = SIZE.label + column.get(node.id) * SIZE.column;
      places.set(node.id, { x, y: top, w: SIZE.card[0], h: SIZE.card[1], node });
      const stack = stacks.get(node.id) || { cause: [], data: [] };
      stack.cause.forEach((n, k) => places.set(n.id, { x, y: top - (k + 1) * step, w: SIZE.pill[0], h: SIZE.pill[1], node: n }));
      stack.data.forEach((n, k) => places.set(n.id, { x, y: top + SIZE.card[1] + SIZE.gap + k * step, w: SIZE.pill[0], h: SIZE.pill[1], node: n }));
    }
    const height = Math.max(SIZE.pad * 2 + SIZE.card[1] + (most("cause") + most("data")) * step, 62);
    lanes.push({ ...lane, y, height, shown, total });
    y += height;
  }
  const width = SIZE.label + (Math.max(0, ...column.values()) + 1) * SIZE.column + SIZE.pad;
  return { lanes, places, edges: edges.filter((e) => places.has(e.from) && places.has(e.to)), width, height: y };
}

function curve(a, b, kind) {
  if (kind !== "parent" && a.x === b.x) {  // in the same column: straight up or down
    const x = a.x + 26, up = a.y > b.y;
    return `M${x} ${up ? a.y : a.y + a.h}L${x} ${up ? b.y + b.h : b.y}`;
  }
  if (kind === "data") {  // along the row of pills, then up into the card
    const y = a.y + a.h / 2, x = b.x + 26, r = 8;
    return `M${a.x + a.w} ${y}L${x - r} ${y}Q${x} ${y} ${x} ${y - r}L${x} ${b.y + b.h}`;
  }
  const x1 = a.x + a.w, y1 = a.y + a.h / 2, x2 = b.x, y2 = b.y + b.h / 2, bend = Math.max(18, Math.min(60, (x2 - x1) / 2));
  if (y1 === y2 && x2 - x1 > SIZE.column) {  // past the cards between: below them
    const low = y1 + a.h / 2 + 4;
    return `M${x1} ${y1}C${x1 + 20} ${y1} ${x1 + 8} ${low} ${x1 + 30} ${low}L${x2 - 30} ${low}C${x2 - 8} ${low} ${x2 - 20} ${y2} ${x2} ${y2}`;
  }
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}
