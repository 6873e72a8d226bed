// Shows /openapi.json as a page: every call with its parameters, body and answers.
"use strict";

const make = (name, attributes, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

const table = (titles, rows) =>
  make(
    "table",
    {},
    make("thead", {}, make("tr", {}, ...titles.map((title) => make("th", {}, title)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, cell))))),
  );

// Replaces a "$ref" by its target.
const resolve = (api, value) => {
  if (!value || !value.$ref) return value;
  return value.$ref
    .slice(2)
    .split("/")
    .reduce((part, name) => part[name], api);
};

const limits = (schema) => {
  const parts = [];
  if (schema.enum) parts.push(schema.enum.join(" | "));
  if (schema.minimum !== undefined || schema.maximum !== undefined)
    parts.push(`${schema.minimum ?? "…"} to ${schema.maximum ?? "…"}`);
  if (schema.default !== undefined) parts.push(`default ${schema.default}`);
  return parts.join(", ");
};

const typeName = (api, given) => {
  const schema = resolve(api, given) ?? {};
  if (schema.type === "array") return `list of ${typeName(api, schema.items)}`;
  return schema.type ?? "any";
};

const fields = (api, given) => {
  const schema = resolve(api, given);
  if (!schema || !schema.properties) return null;
  const needed = new Set(schema.required ?? []);
  return table(
    ["field", "type", "meaning"],
    Object.entries(schema.properties).map(([name, property]) => {
      const known = resolve(api, property);
      const meaning = [known.description, limits(known)].filter(Boolean).join("; ");
      return [make("code", {}, needed.has(name) ? name : `${name}?`), typeName(api, property), meaning];
    }),
  );
};

const examples = (content) => {
  const media = Object.values(content ?? {})[0] ?? {};
  const all = media.example !== undefined ? [media.example] : Object.values(media.examples ?? {}).map((e) => e.value);
  return all.map((example) =>
    make("pre", {}, typeof example === "string" ? example : JSON.stringify(example, null, 2)),
  );
};

const schemaOf = (content) => Object.values(content ?? {})[0]?.schema;

const showCall = (api, path, method, call) => {
  const inside = make("div", {});
  if (call.description) inside.append(make("p", {}, call.description));
  const role = call["x-required-role"];
  if (role) inside.append(make("p", {}, `Needs the role ${role} if API keys are configured.`));
  if (call.parameters) {
    inside.append(
      make("h4", {}, "Parameters"),
      table(
        ["name", "in", "type", "meaning"],
        call.parameters.map((parameter) => [
          make("code", {}, parameter.required ? parameter.name : `${parameter.name}?`),
          parameter.in,
          typeName(api, parameter.schema),
          [parameter.description, limits(resolve(api, parameter.schema))].filter(Boolean).join("; "),
        ]),
      ),
    );
  }
  if (call.requestBody) {
    const content = call.requestBody.content;
    inside.append(make("h4", {}, `Body: ${Object.keys(content).join(", ")}`));
    const list = fields(api, schemaOf(content));
    if (list) inside.append(list);
    inside.append(...examples(content));
  }
  inside.append(make("h4", {}, "Answers"));
  const rows = [];
  for (const [status, given] of Object.entries(call.responses)) {
    const answer = resolve(api, given);
    const cell = make("div", {}, answer.description);
    if (status.startsWith("2")) {
      const list = fields(api, schemaOf(answer.content));
      if (list) cell.append(list);
      cell.append(...examples(answer.content));
    }
    rows.push([status, cell]);
  }
  inside.append(table(["status", ""], rows));
  const summary = make(
    "summary",
    {},
    make("b", { class: `method ${method}` }, method.toUpperCase()),
    make("code", {}, path),
    make("span", {}, call.summary),
  );
  return make("details", { id: call.operationId }, summary, inside);
};

const show = (api) => {
  const root = document.getElementById("api");
  document.title = `${api.info.title} ${api.info.version}`;
  root.replaceChildren(
    make("h1", {}, api.info.title),
    make("p", {}, `Version ${api.info.version} at ${api.servers.map((server) => server.url).join(", ")}`),
    make("p", {}, api.info.description),
    make("p", {}, make("a", { href: "/openapi.json" }, "openapi.json")),
  );
  for (const tag of api.tags) {
    root.append(make("h2", {}, tag.description));
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const [method, call] of Object.entries(methods)) {
        if (call.tags.includes(tag.name)) root.append(showCall(api, path, method, call));
      }
    }
  }
  const wanted = location.hash && document.getElementById(location.hash.slice(1));
  if (wanted) {
    wanted.open = true;
    wanted.scrollIntoView();
  }
};

fetch("/openapi.json")
  .then((answer) => {
    if (!answer.ok) throw new Error(`The server returned status ${answer.status}.`);
    return answer.json();
  })
  .then(show)
  .catch((error) => document.getElementById("api").replaceChildren(make("p", {}, String(error))));
