// Shows /openapi.json as a page: each call with its parameters and answers.
const element = (name, text, ...children) => {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
};

const show = (api) => {
  const root = document.getElementById("api");
  root.replaceChildren(element("h1", api.info.title), element("p", api.info.description));
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, call] of Object.entries(methods)) {
      const details = element("details");
      details.append(element("summary", "", element("code", `${method.toUpperCase()} ${path}`), ` ${call.summary}`));
      const list = element("ul");
      for (const parameter of call.parameters ?? []) {
        list.append(element("li", `${parameter.in} ${parameter.name}: ${JSON.stringify(parameter.schema)}`));
      }
      const body = call.requestBody?.content?.["application/json"]?.schema;
      if (body) list.append(element("li", "body:", element("pre", JSON.stringify(body, null, 2))));
      for (const [status, answer] of Object.entries(call.responses)) {
        list.append(element("li", `${status}: ${answer.description}`));
      }
      details.append(list);
      root.append(details);
    }
  }
};

fetch("/openapi.json")
  .then((answer) => answer.json())
  .then(show)
  .catch((error) => document.getElementById("api").replaceChildren(element("p", String(error))));
