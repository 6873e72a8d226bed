import { afterEach, expect, test, vi } from "vitest";
import { existingOf, isListCheaper } from "./existing";
import { createQueryClient } from "./queries";

afterEach(() => vi.unstubAllGlobals());

// A store with a catalogue that has only these keys.
function serve(stored: readonly string[], version?: string): string[] {
  const asked: string[] = [];
  vi.stubGlobal("location", { origin: "http://page.example" });
  vi.stubGlobal("fetch", (path: string, { method = "GET" }: RequestInit = {}) => {
    asked.push(`${method} ${path}`);
    if (method === "HEAD") {
      const there = stored.includes(decodeURIComponent(path.slice("/images/".length)));
      return Promise.resolve(new Response(null, { status: there ? 200 : 404 }));
    }
    const images = stored.map((key) => ({ key }));
    return Promise.resolve(
      Response.json(version ? { images, total: stored.length, version, offset: 0 } : { images }),
    );
  });
  return asked;
}

test("a few photos are asked for one by one, once each", async () => {
  const asked = serve(["uploads/a.png", "uploads/c.png"], "1");
  const client = createQueryClient();
  const keys = ["uploads/a.png", "uploads/b.png", "uploads/c.png", "uploads/a.png"];
  expect(await existingOf(client, keys)).toEqual(["uploads/a.png", "uploads/c.png"]);
  expect(asked.filter((each) => each.startsWith("HEAD"))).toHaveLength(3);
});

test("many are looked up in the list of all", async () => {
  const asked = serve(["k0", "k2"], "1");
  const keys = Array.from({ length: 60 }, (_, i) => `k${i}`);
  expect(await existingOf(createQueryClient(), keys)).toEqual(["k0", "k2"]);
  expect(asked.filter((each) => each.startsWith("HEAD"))).toEqual([]);
  expect(isListCheaper(20_000, 50_000)).toBe(true);
  expect(isListCheaper(100, 1_000_000)).toBe(false);
});

test("without a catalogue each is asked for", async () => {
  serve(["k0", "k2"]);
  const keys = Array.from({ length: 60 }, (_, i) => `k${i}`);
  expect(await existingOf(createQueryClient(), keys)).toEqual(["k0", "k2"]);
});
