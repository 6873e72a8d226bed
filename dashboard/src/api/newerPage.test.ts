import { afterEach, expect, test, vi } from "vitest";
import { hasNewerPage, scriptOf } from "./newerPage";

afterEach(() => vi.unstubAllGlobals());

const page = (script: string) =>
  `<!doctype html><head><script type="module" crossorigin src="${script}"></script></head>`;
const serve = (answer: () => Promise<Response>) => vi.stubGlobal("fetch", answer);

test("another script is another version of the page", async () => {
  expect(scriptOf(page("/assets/index-a.js"))).toBe("/assets/index-a.js");
  serve(() => Promise.resolve(new Response(page("/assets/index-b.js"))));
  expect(await hasNewerPage("/assets/index-a.js")).toBe(true);
  expect(await hasNewerPage("/assets/index-b.js")).toBe(false);
});

test.each([
  ["a server without the page", () => Promise.resolve(new Response("The page is not built."))],
  ["an error", () => Promise.resolve(new Response(page("/x.js"), { status: 502 }))],
  ["no answer", () => Promise.reject(new TypeError("network"))],
])("%s offers no reload", async (_, answer) => {
  serve(answer);
  expect(await hasNewerPage("/assets/index-a.js")).toBe(false);
});
