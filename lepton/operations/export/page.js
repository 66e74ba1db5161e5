"use strict";
// The script of an exported page. Text goes into the page as text only, never as HTML.

const at = (id) => document.getElementById(id);
const CHUNK = 1024; // rows at once, as lepton.graph.run has them
const SHOWN = 200; // rows of the table on the page; the file has all

async function unpacked(id) {
  const packed = Uint8Array.from(atob(at(id).textContent), (c) => c.charCodeAt(0));
  at(id).remove();
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// --- Tensors: {type, shape, data}. What lepton/graph/fields.py does, in the same way.

const ARRAYS = { float64: Float64Array, float32: Float32Array, int64: BigInt64Array, uint8: Uint8Array };

function fromJson(value) {
  if (value.type === "string") return { type: "string", shape: value.shape, data: value.values };
  const raw = Uint8Array.from(atob(value.base64), (c) => c.charCodeAt(0));
  return { type: value.type, shape: value.shape, data: new ARRAYS[value.type](raw.buffer) };
}

class Wrong extends Error {}

function wrong(field, row, value, wanted) {
  return new Wrong(`Row ${row + 1}, column ${JSON.stringify(field.column)}: ${JSON.stringify(String(value).slice(0, 60))} is not ${wanted}.`);
}

const none = (value) => value === null || value === undefined || Number.isNaN(value);
const NUMBER = /^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$/;
const INFINITE = /^[-+]?inf(inity)?$/i;

function number(facts, field, row, value) {
  if (none(value)) return NaN;
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return Number(value);
  const text = String(value).replace(/^[ \t]+|[ \t]+$/g, "");
  if (facts.noNumber.includes(text)) return NaN;
  if (INFINITE.test(text)) return text[0] === "-" ? -Infinity : Infinity;
  if (!NUMBER.test(text)) throw wrong(field, row, value, "a number");
  return Number(text);
}

const READERS = {
  number: (facts, field, values) => [
    { type: "float64", shape: [values.length], data: Float64Array.from(values, (v, row) => number(facts, field, row, v)) },
  ],
  category: (facts, field, values) => [
    { type: "string", shape: [values.length], data: values.map((v) => (none(v) ? facts.missing : String(v))) },
  ],
  text(facts, field, values) {
    // Python writes half a character as "?", a browser as another sign.
    const whole = (v) => String(v).normalize("NFC").replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "?");
    const coder = new TextEncoder();
    const rows = values.map((v) => (none(v) ? null : coder.encode(whole(v)).subarray(0, field.most + 1)));
    return padded(facts, rows, "uint8");
  },
  series(facts, field, values) {
    const rows = values.map((value, row) => {
      if (none(value) || value === "") return null;
      let steps = value;
      if (typeof value === "string") {
        try { steps = JSON.parse(value.replace(/\bNaN\b/g, "null")); } catch { steps = null; }
      }
      const fine = Array.isArray(steps) && steps.every((s) => s === null || typeof s === "number");
      if (!fine) throw wrong(field, row, value, "a list of numbers");
      return Float32Array.from(steps.slice(0, field.most), (s) => (s === null ? NaN : s));
    });
    return padded(facts, rows, "float32");
  },
  image(facts, field, values) {
    const size = field.shape.reduce((a, b) => a * b, 1);
    const data = new ARRAYS[field.pixels](values.length * size);
    const count = new BigInt64Array(values.length).fill(BigInt(facts.absent));
    values.forEach((value, row) => {
      if (none(value)) {
        if (field.count === null) throw wrong(field, row, value, "an image");
        return;
      }
      if (value.length !== size) throw new Wrong(`Row ${row + 1}: the image has ${value.length} values instead of ${size}.`);
      data.set(value, row * size);
      count[row] = 1n;
    });
    return [{ type: field.pixels, shape: [values.length, ...field.shape], data }, { type: "int64", shape: [values.length], data: count }];
  },
};

function padded(facts, rows, type) {
  const longest = rows.reduce((most, one) => Math.max(most, one === null ? 0 : one.length), 1);
  const data = new ARRAYS[type](rows.length * longest);
  const count = new BigInt64Array(rows.length).fill(BigInt(facts.absent));
  rows.forEach((one, row) => {
    if (one === null) return;
    data.set(one, row * longest);
    count[row] = BigInt(one.length);
  });
  return [{ type, shape: [rows.length, longest], data }, { type: "int64", shape: [rows.length], data: count }];
}

function feed(facts, columns) {
  const lacking = facts.fields.filter((field) => !columns.has(field.column)).map((field) => field.column);
  if (lacking.length) throw new Wrong(`The rows lack ${lacking.length} column(s) that the model reads: ${lacking.join(", ")}.`);
  const found = {};
  for (const field of facts.fields) {
    const [values, count] = READERS[field.holds](facts, field, columns.get(field.column));
    found[field.tensor] = values;
    if (field.count !== null) found[field.count] = count;
  }
  return found;
}

// --- Answers

function cut(tensor, from, to) {
  const width = tensor.shape.slice(1).reduce((a, b) => a * b, 1);
  return { ...tensor, shape: [to - from, ...tensor.shape.slice(1)], data: tensor.data.slice(from * width, to * width) };
}

function twice(tensor) {
  const whole = [...tensor.data, ...tensor.data];
  return { ...tensor, shape: [2, ...tensor.shape.slice(1)], data: tensor.type === "string" ? whole : tensor.data.constructor.from(whole) };
}

async function run(engine, session, tensors) {
  const count = Object.values(tensors)[0].shape[0];
  const labels = [], probabilities = [];
  for (let from = 0; from < count; from += CHUNK) {
    const to = Math.min(count, from + CHUNK), given = {};
    for (const [name, tensor] of Object.entries(tensors)) {
      const part = to - from === 1 ? twice(cut(tensor, from, to)) : cut(tensor, from, to); // as lepton.graph.run does
      given[name] = new engine.Tensor(part.type, part.data, part.shape);
    }
    const found = await session.run(given);
    const width = found.probabilities.dims[1];
    for (let row = 0; row < to - from; row++) {
      labels.push(found.label.data[row]);
      probabilities.push(Array.from(found.probabilities.data.slice(row * width, (row + 1) * width)));
    }
  }
  return { labels, probabilities };
}

async function open() {
  const facts = JSON.parse(new TextDecoder().decode(await unpacked("facts")));
  const source = URL.createObjectURL(new Blob([await unpacked("engine")], { type: "text/javascript" }));
  const engine = await import(source);
  URL.revokeObjectURL(source);
  engine.env.wasm.numThreads = 1;
  engine.env.wasm.wasmBinary = await unpacked("binary");
  engine.env.logLevel = "error";
  const session = await engine.InferenceSession.create(await unpacked("graph"), { executionProviders: ["wasm"] });
  const examples = Object.fromEntries(Object.entries(facts.examples).map(([name, value]) => [name, fromJson(value)]));
  const wanted = fromJson(facts.answers), found = await run(engine, session, examples);
  const off = found.probabilities.flat().reduce((most, p, place) => {
    const difference = Math.abs(p - wanted.data[place]);
    return difference <= most ? most : difference; // NaN stays
  }, 0);
  if (found.probabilities.flat().length !== wanted.data.length || !(off <= facts.tolerance)) {
    throw new Wrong(`This page does not answer its own example rows as the model did (off by ${off}), so it answers nothing.`);
  }
  return { facts, off, answer: (columns) => run(engine, session, feed(facts, columns)) };
}

// --- Files

function parsed(text) {
  // RFC 4180; the separator is the one that the first line has most of.
  const first = text.replace(/^\uFEFF/, "").split(/\r?\n/, 1)[0].replace(/"[^"]*"/g, "");
  const separator = [",", ";", "\t"].reduce((a, b) => (first.split(b).length > first.split(a).length ? b : a));
  const rows = [];
  let row = [], cell = "", quoted = false, any = false, place = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  const close = () => { row.push(cell); cell = ""; };
  const end = () => { // a blank line is no row, a quoted nothing in the only column is one
    close();
    if (any || row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
    any = false;
  };
  for (; place < text.length; place++) {
    const c = text[place];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[place + 1] === '"') { cell += '"'; place++; }
      else quoted = false;
    } else if (c === '"' && cell === "") quoted = any = true;
    else if (c === separator) close();
    else if (c === "\n") end();
    else if (c !== "\r" || text[place + 1] !== "\n") cell += c;
  }
  if (cell !== "" || row.length) end();
  if (quoted) throw new Wrong("A quote is opened and not closed.");
  if (rows.length < 2) throw new Wrong("The file has a header but no rows, or is empty.");
  const [header, ...body] = rows;
  body.forEach((one, number) => {
    if (one.length !== header.length) throw new Wrong(`Row ${number + 1} has ${one.length} fields, the header has ${header.length}.`);
  });
  return new Map(header.map((name, column) => [name, body.map((one) => (one[column] === "" ? null : one[column]))]));
}

async function pixels(field, file) {
  if (field.pixels !== "uint8") throw new Wrong("This model reads images of other than 8 bits, which a browser does not keep.");
  const [channels, height, width] = field.shape;
  let image;
  try { image = await createImageBitmap(file, { colorSpaceConversion: "none" }); } catch { throw new Wrong(`${file.name} is damaged or no image.`); }
  if (image.width !== width || image.height !== height) {
    throw new Wrong(`${file.name} has ${image.width} x ${image.height} pixels; the model reads ${width} x ${height}.`);
  }
  if (channels !== 1 && channels !== 3) throw new Wrong(`The model reads images of ${channels} channels, which no image file has.`);
  const canvas = new OffscreenCanvas(width, height), context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white"; // what is transparent is laid on white
  context.fillRect(0, 0, width, height);
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, width, height), size = width * height, found = new Uint8Array(channels * size);
  for (let place = 0; place < size; place++) {
    const [r, g, b] = data.subarray(4 * place, 4 * place + 3);
    if (channels === 3) { found[place] = r; found[size + place] = g; found[2 * size + place] = b; }
    else found[place] = (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16; // ITU-R 601, as Pillow has it
  }
  return found;
}

async function columnsOf(facts, files) {
  const tables = files.filter((file) => /\.(csv|tsv|txt)$/i.test(file.name)), images = files.filter((file) => !tables.includes(file));
  if (tables.length > 1) throw new Wrong("Drop one CSV file at a time.");
  const field = facts.fields.find((one) => one.holds === "image");
  if (images.length && !field) throw new Wrong("This model reads no images: drop a CSV file.");
  if (!tables.length && facts.fields.some((one) => one.holds !== "image")) throw new Wrong("This model reads columns: drop a CSV file.");
  let columns = new Map(), names = [];
  if (tables.length) {
    let text;
    try { text = new TextDecoder("utf-8", { fatal: true }).decode(await tables[0].arrayBuffer()); } catch { throw new Wrong("The file is not UTF-8."); }
    columns = parsed(text);
    names = columns.get("file") || [];
  }
  if (field && !tables.length) {
    names = images.map((file) => file.name);
    columns.set(field.column, await Promise.all(images.map((file) => pixels(field, file))));
  } else if (field) {
    const found = new Map(await Promise.all(images.map(async (file) => [file.name, await pixels(field, file)])));
    const count = [...columns.values()][0].length;
    columns.set(field.column, Array.from({ length: count }, (_, row) => found.get(names[row]) || null));
  }
  return { columns, names };
}

// --- The page

function told(text, kind = "") {
  at("state").textContent = text;
  at("state").className = kind;
}

function cell(row, text, tag = "td", kind = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = kind;
  row.append(made);
}

function show(facts, names, answers) {
  const table = at("answers");
  table.replaceChildren();
  const head = table.createTHead().insertRow();
  for (const name of [names.length ? "file" : "row", "label", ...facts.classes.map((one) => `p(${one})`)]) cell(head, name, "th");
  const body = table.createTBody();
  answers.labels.slice(0, SHOWN).forEach((label, row) => {
    const line = body.insertRow();
    cell(line, names[row] || String(row + 1));
    cell(line, label);
    for (const p of answers.probabilities[row]) cell(line, p.toFixed(4), "td", "number");
  });
  table.hidden = false;
  // A spreadsheet would run what begins like a formula.
  const quoted = (text) => `"${(facts.formulas.includes(text[0]) ? "'" + text : text).replace(/"/g, '""')}"`;
  const lines = answers.labels.map((label, row) => [quoted(names[row] || String(row + 1)), quoted(label), ...answers.probabilities[row]].join(","));
  const header = [names.length ? "file" : "row", "label", ...facts.classes.map((one) => `p(${one})`)].map(quoted).join(",");
  const save = at("save");
  if (save.href) URL.revokeObjectURL(save.href);
  save.href = URL.createObjectURL(new Blob([`${header}\n${lines.join("\n")}\n`], { type: "text/csv" }));
  save.hidden = false;
  const more = answers.labels.length > SHOWN ? ` The first ${SHOWN} are shown.` : "";
  told(`Answered ${answers.labels.length} rows.${more}`, "good");
}

async function answered(champion, read) {
  try {
    told("Answering ...");
    const { columns, names } = await read();
    show(champion.facts, names, await champion.answer(columns));
  } catch (error) {
    at("answers").hidden = at("save").hidden = true;
    told(error instanceof Wrong ? error.message : `It could not be answered: ${error}`, "bad");
  }
}

function form(champion) {
  const fields = champion.facts.fields;
  if (fields.length > 200 || fields.some((one) => one.holds === "image")) return;
  const inputs = fields.map((field) => {
    const label = document.createElement("label"), input = document.createElement("input");
    label.append(field.column, input);
    at("row").append(label);
    return input;
  });
  const button = document.createElement("button");
  button.textContent = "Answer";
  at("row").append(button);
  at("row").addEventListener("submit", (event) => {
    event.preventDefault();
    const columns = new Map(fields.map((field, place) => [field.column, [inputs[place].value === "" ? null : inputs[place].value]]));
    answered(champion, async () => ({ columns, names: [] }));
  });
  at("single").hidden = false;
}

async function main() {
  try {
    const champion = await open();
    window.champion = champion;
    const take = (files) => files.length && answered(champion, () => columnsOf(champion.facts, [...files]));
    at("files").addEventListener("change", () => take(at("files").files));
    for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
      at("drop").addEventListener(name, (event) => { event.preventDefault(); at("drop").classList.toggle("over", over); });
    }
    at("drop").addEventListener("drop", (event) => take(event.dataTransfer.files));
    form(champion);
    told(`Ready: it answers its ${champion.facts.answers.shape[0]} example rows as the model did.`, "good");
  } catch (error) {
    told(error instanceof Wrong ? error.message : `The model could not be loaded: ${error}`, "bad");
  }
}

main();
