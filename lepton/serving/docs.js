"use strict";
// The script of /docs. Text goes into the page as text only, never as HTML.

const at = (id) => document.getElementById(id);

function make(name, text = "", inside = []) {
  const found = document.createElement(name);
  found.textContent = text;
  found.append(...inside);
  return found;
}

function headers(more = {}) {
  const token = at("token").value.trim();
  return token ? { authorization: `Bearer ${token}`, ...more } : more;
}

function resolved(spec, schema) {
  return schema && schema.$ref ? spec.components.schemas[schema.$ref.split("/").pop()] : schema || {};
}

function words(schema) {
  const found = [].concat(schema.type || []).filter((type) => type !== "null");
  if (schema.enum) found.push(`one of ${schema.enum.filter((one) => one !== null).map((one) => JSON.stringify(one)).join(", ")}`);
  if (schema.minimum !== undefined || schema.maximum !== undefined) found.push(`${schema.minimum ?? "any"} to ${schema.maximum ?? "any"}`);
  if (schema.description) found.push(schema.description);
  return found.join("; ") || "not read";
}

function columns(spec, schema) {
  const rows = Object.entries(schema.properties || {}).map(([name, one]) =>
    make("tr", "", [make("td", name), make("td", words(one)), make("td", (schema.required || []).includes(name) ? "required" : "")]));
  const head = make("tr", "", [make("th", "column"), make("th", "holds"), make("th", "")]);
  const wide = make("div", "", [make("table", "", [head, ...rows])]);
  wide.className = "wide";
  return wide;
}

function asking(path, example) {
  const box = make("textarea"), button = make("button", "Ask"), said = make("pre");
  box.value = JSON.stringify(example, null, 1);
  box.setAttribute("aria-label", `rows for ${path}`);
  said.hidden = true;
  button.addEventListener("click", async () => {
    const began = performance.now();
    try {
      const reply = await fetch(path, { method: "POST", body: box.value, headers: headers({ "content-type": "application/json" }) });
      const text = await reply.text();
      let shown = text;
      try { shown = JSON.stringify(JSON.parse(text), null, 1); } catch { /* as it came */ }
      said.textContent = `${reply.status} in ${Math.round(performance.now() - began)} ms\n${shown}`;
      said.className = reply.ok ? "" : "bad";
    } catch (error) {
      said.textContent = String(error);
      said.className = "bad";
    }
    said.hidden = false;
  });
  return [box, button, said];
}

function section(spec, path, method, one) {
  const title = make("h2", "", [make("span", method), " ", make("code", path)]);
  title.firstChild.className = "method";
  const found = make("section", "", [title, make("p", one.summary), make("p", one.description || "")]);
  const body = one.requestBody && one.requestBody.content["application/json"];
  if (body) {
    found.append(columns(spec, resolved(spec, body.schema.items)));
    if (body.example) found.append(...asking(path, body.example));
  }
  return found;
}

async function load() {
  at("paths").replaceChildren();
  at("state").className = "";
  try {
    const reply = await fetch("/openapi.json", { headers: headers() });
    const spec = await reply.json();
    if (!reply.ok) throw new Error(`${spec.error} ${spec.why}`);
    for (const [path, methods] of Object.entries(spec.paths))
      for (const [method, one] of Object.entries(methods)) at("paths").append(section(spec, path, method, one));
    at("state").textContent = `${spec.info.title} ${spec.info.version}`;
  } catch (error) {
    at("state").textContent = error.message;
    at("state").className = "bad";
  }
}

at("who").addEventListener("submit", (event) => {
  event.preventDefault();
  load();
});
load();
