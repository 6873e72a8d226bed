import { afterEach, expect, test, vi } from "vitest";
import { missingOf } from "./missing";

afterEach(() => vi.unstubAllGlobals());

// A backend with these photos; returns what it is asked for.
function serve(stored: readonly string[]): string[] {
  const asked: string[] = [];
  vi.stubGlobal("location", { origin: "http://page.example" });
  vi.stubGlobal("fetch", (path: string, { method = "GET" }: RequestInit) => {
    asked.push(`${method} ${path}`);
    if (method === "HEAD") {
      const key = decodeURIComponent(path.replace("/images/", ""));
      return Promise.resolve(new Response(null, { status: stored.includes(key) ? 200 : 404 }));
    }
    const offset = Number(new URL(path, "http://page.example").searchParams.get("offset"));
    const images = stored.slice(offset, offset + 1_000).map((key) => ({ key }));
    return Promise.resolve(Response.json({ images, total: stored.length, offset, version: "1" }));
  });
  return asked;
}

const { signal } = new AbortController();

test("a few photos of a large library are asked for one by one", async () => {
  const asked = serve(["uploads/a 1.png", "b"]);
  expect(await missingOf(["uploads/a 1.png", "gone", "b"], 1_000_000, signal)).toEqual(["gone"]);
  expect(asked).toHaveLength(3);
  expect(asked[0]).toBe("HEAD /images/uploads%2Fa%201.png");
  expect(await missingOf(["b", "gone"], undefined, signal)).toEqual(["gone"]);
});

test("the keys of a small library are read, and only what is not among them is asked for", async () => {
  const stored = Array.from({ length: 2_500 }, (_, i) => `k${i}`);
  const asked = serve(stored);
  expect(await missingOf([...stored, "gone"], 2_500, signal)).toEqual(["gone"]);
  expect(asked.filter((call) => call.startsWith("GET"))).toHaveLength(3);
  expect(asked.at(-1)).toBe("HEAD /images/gone");
  asked.length = 0;
  expect(await missingOf(["k0"], 900, signal)).toEqual([]);
  expect(asked).toHaveLength(1);
});

test("a failure is no missing photo", async () => {
  vi.stubGlobal("location", { origin: "http://page.example" });
  vi.stubGlobal("fetch", () => Promise.resolve(new Response("", { status: 500 })));
  await expect(missingOf(["a"], undefined, signal)).rejects.toThrow("status 500");
});
