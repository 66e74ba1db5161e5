// The page: draws what `layout` says, and answers mouse and keyboard. Text is only ever set as text, never as HTML.
const graph = JSON.parse(document.getElementById("graph").textContent);
const byId = (id) => document.getElementById(id);
const [sheet, scroll, details] = [byId("sheet"), byId("scroll"), byId("details")];
const minors = graph.nodes.filter((n) => n.minor).length;
const on = { minor: minors <= 25, data: true, cause: true };
let drawn = null, chosen = null, current = null, zoom = 1;
const buttons = new Map(), paths = [];

function make(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function draw() {
  drawn = layout(graph, on);
  for (const part of ["lanes", "heads", "nodes", "edges"]) byId(part).replaceChildren();
  buttons.clear();
  paths.length = 0;
  for (const lane of drawn.lanes) {
    const band = make("div", "lane");
    band.style.cssText = `top:${lane.y}px;height:${lane.height}px;width:${drawn.width}px`;
    const head = make("b", "", lane.label), folded = lane.total - lane.shown;
    head.title = lane.label;
    head.append(make("small", "", folded ? `${lane.shown} of ${lane.total} versions` : lane.base ? "base" : `${lane.total} version${lane.total === 1 ? "" : "s"}`));
    byId("lanes").append(band);
    const over = make("div", "head");
    over.style.cssText = `top:${lane.y}px;width:${drawn.width}px`;
    over.append(head);
    byId("heads").append(over);
  }
  for (const [id, place] of drawn.places) {
    const node = place.node;
    const button = make("button", `node ${node.kind} ${node.state}${node.recalled ? " is-recalled" : ""}`);
    button.style.cssText = `left:${place.x}px;top:${place.y}px;width:${place.w}px;height:${place.h}px`;
    button.dataset.id = id;
    button.tabIndex = -1;
    button.append(make("span", "label", node.label), make("span", "sub", node.sub));
    button.title = [node.name || node.label, node.state, node.sub].filter(Boolean).join(", ");
    button.setAttribute("aria-label", [node.kind, node.name || `${node.lane} ${node.label}`, node.recalled ? "recalled" : "", node.state, node.sub].filter(Boolean).join(", "));
    buttons.set(id, button);
    byId("nodes").append(button);
  }
  for (const edge of drawn.edges) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("class", `${edge.kind}${edge.between ? " gap" : ""}`);
    path.setAttribute("d", curve(drawn.places.get(edge.from), drawn.places.get(edge.to), edge.kind));
    byId("edges").append(path);
    paths.push([edge, path]);
  }
  if (!buttons.has(chosen)) chosen = null;
  const first = [...drawn.places.values()].find((p) => p.node.state === "champion");
  reachable(buttons.has(current) ? current : first ? first.node.id : buttons.keys().next().value);
  light(chosen);
  setZoom(zoom);
}

function setZoom(value) {
  zoom = Math.min(2, Math.max(0.1, value));
  sheet.style.cssText = `width:${drawn.width}px;height:${drawn.height}px;zoom:${zoom}`;
}

function fit(least) {
  setZoom(Math.min(1, Math.max(least, Math.min((scroll.clientWidth - 4) / drawn.width, (scroll.clientHeight - 4) / drawn.height))));
}

// One node can be reached with Tab, the others from it with the arrow keys.
function reachable(id) {
  if (buttons.has(current)) buttons.get(current).tabIndex = -1;
  current = id;
  if (buttons.has(id)) buttons.get(id).tabIndex = 0;
}

function light(id) {
  const lit = new Set();
  if (id !== null) {
    for (const [start, end] of [["to", "from"], ["from", "to"]]) {  // up to the source, down to all that came of it
      const waiting = [id];
      while (waiting.length) {
        const at = waiting.pop();
        for (const [edge] of paths) if (edge[start] === at && !lit.has(edge[end])) { lit.add(edge[end]); waiting.push(edge[end]); }
      }
    }
    lit.add(id);
  }
  sheet.classList.toggle("picking", id !== null);
  for (const [key, button] of buttons) button.classList.toggle("lit", lit.has(key));
  for (const [edge, path] of paths) path.classList.toggle("lit", lit.has(edge.from) && lit.has(edge.to));
}

function choose(id) {
  if (buttons.has(chosen)) buttons.get(chosen).classList.remove("chosen");
  chosen = id;
  light(id);
  details.replaceChildren();
  if (id === null) {
    details.append(make("p", "hint", "Choose a node to read what is on record of it. Arrow keys move, Escape lets go."));
    return;
  }
  buttons.get(id).classList.add("chosen");
  reachable(id);
  const node = drawn.places.get(id).node, list = make("dl");
  let before = "";
  for (const [name, text] of node.details) {
    list.append(make("dt", "", name === before ? "" : name), make("dd", "", text));
    before = name;
  }
  details.append(make("h2", "", node.name || `${node.lane}: ${node.label} ${node.sub}`), list);
  details.scrollTop = 0;
  buttons.get(id).scrollIntoView({ block: "nearest", inline: "nearest" });  // on a small screen the details take its place
}

function step(key) {
  const from = drawn.places.get(current), sideways = key === "ArrowLeft" || key === "ArrowRight";
  const sign = key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1;
  let best = null, least = Infinity;
  for (const [id, to] of drawn.places) {
    const dx = to.x + to.w / 2 - from.x - from.w / 2, dy = to.y + to.h / 2 - from.y - from.h / 2;
    const ahead = sign * (sideways ? dx : dy), aside = Math.abs(sideways ? dy : dx);
    if (id === current || ahead <= 0) continue;
    const far = ahead + 3 * aside;
    if (far < least) [best, least] = [id, far];
  }
  if (best !== null) {
    reachable(best);
    buttons.get(best).focus();
    buttons.get(best).scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

byId("nodes").addEventListener("click", (event) => {
  const button = event.target.closest(".node");
  if (button) choose(button.dataset.id === chosen ? null : button.dataset.id);
});
byId("nodes").addEventListener("keydown", (event) => {
  if (!event.key.startsWith("Arrow")) return;
  event.preventDefault();
  step(event.key);
});
byId("nodes").addEventListener("focusin", (event) => reachable(event.target.closest(".node").dataset.id));
document.addEventListener("keydown", (event) => { if (event.key === "Escape") choose(null); });
for (const type of ["pointerover", "pointerout"]) byId("nodes").addEventListener(type, (event) => {
  const button = event.target.closest(".node");
  if (chosen === null) light(type === "pointerover" && button ? button.dataset.id : null);
});
for (const [box, name] of [["minor", "minor"], ["with-data", "data"], ["with-causes", "cause"]]) {
  byId(box).checked = on[name];
  byId(box).addEventListener("change", () => { on[name] = byId(box).checked; draw(); });
}
byId("smaller").addEventListener("click", () => setZoom(zoom / 1.25));
byId("larger").addEventListener("click", () => setZoom(zoom * 1.25));
byId("fit").addEventListener("click", () => fit(0.1));
byId("search").addEventListener("input", () => {
  const words = byId("search").value.trim().toLowerCase();
  if (!words) return choose(null);
  const says = (n) => [n.id, n.name, n.label, n.lane, ...n.details.flat()].some((t) => t && t.toLowerCase().includes(words));
  let found = graph.nodes.find((n) => buttons.has(n.id) && says(n));
  if (!found && (found = graph.nodes.find(says))) {  // it is folded away: unfold
    for (const [box, name] of [["minor", "minor"], ["with-data", "data"], ["with-causes", "cause"]]) byId(box).checked = on[name] = true;
    draw();
  }
  choose(found ? found.id : null);
  if (found) buttons.get(found.id).scrollIntoView({ block: "center", inline: "center" });
  else details.replaceChildren(make("p", "hint", `Nothing here says “${words}”.`));
});

const count = (kind) => graph.nodes.filter((n) => n.kind === kind).length;
const many = (kind, one, more) => `${count(kind)} ${count(kind) === 1 ? one : more}`;
byId("summary").textContent = `${many("version", "version", "versions")}, ${many("data", "data set", "data sets")}, ${many("cause", "drift", "drifts")} that called for one; ledger up to row ${graph.rows}.`
  + (graph.hidden ? ` ${graph.hidden} of ${graph.total} versions are not on this page (lepton lineage html --limit 0).` : "");
byId("minor-label").textContent = `versions that never served (${minors})`;
draw();
fit(0.8);  // no smaller than can be read
scroll.scrollLeft = scroll.scrollWidth;  // what is newest
