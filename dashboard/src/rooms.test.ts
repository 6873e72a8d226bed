// Which folder may import which. A cycle between folders cannot pass.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";

const layers = ["domain", "state", "api", "ui"];
const features = ["upload", "gallery", "submit", "job", "history", "settings"];

// Features that use another one.
const exceptions = new Set([
  "gallery -> upload", // the buttons of an empty gallery
  "settings -> upload", // no change of the backend during an upload
]);

const root = import.meta.dirname;
const imports = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((file) => /\.tsx?$/.test(file) && file.includes("/"))
  .flatMap((file) =>
    [...readFileSync(join(root, file), "utf8").matchAll(/from "(\.[^"]+)"/g)].map(([, path]) => ({
      file,
      from: file.split("/")[0] ?? "",
      to: normalize(join(dirname(file), path ?? "")).split("/")[0] ?? "",
    })),
  )
  .filter(({ from, to }) => from !== to);

const used = new Set<string>();
const isAllowed = (from: string, to: string): boolean => {
  if (features.includes(from) && layers.includes(to)) return true;
  if (layers.includes(from))
    return layers.indexOf(to) >= 0 && layers.indexOf(to) < layers.indexOf(from);
  used.add(`${from} -> ${to}`);
  return exceptions.has(`${from} -> ${to}`);
};

test("folders import only what is below them", () => {
  expect(imports.length).toBeGreaterThan(100);
  expect(imports.filter(({ from, to }) => !isAllowed(from, to))).toEqual([]);
});

test("each exception is used", () => {
  for (const { from, to } of imports) isAllowed(from, to);
  expect([...exceptions].filter((each) => !used.has(each))).toEqual([]);
});
