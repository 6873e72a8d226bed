import { afterEach, expect, test, vi } from "vitest";
import { createQueryClient } from "../api/queries";
import type { Candidate } from "./prepare";
import { findStored } from "./stored";

const file = (path: string, size = 3): Candidate => ({
  file: new File(["x".repeat(size)], path.slice(path.lastIndexOf("/") + 1)),
  path,
  type: "image/jpeg",
});

interface Entry {
  key: string;
  name: string;
  size: number;
}

// A catalogue of these photos; returns what was asked of it.
function serve(stored: Entry[]): string[] {
  const asked: string[] = [];
  vi.stubGlobal("location", { origin: "http://page.example" });
  vi.stubGlobal("fetch", (path: string) => {
    asked.push(path);
    const query = new URL(path, "http://page.example").searchParams;
    const offset = Number(query.get("offset"));
    const folder = query.get("folder");
    const words = query.get("q")?.split(/\W|_/) ?? [];
    const found = stored.filter(
      ({ name }) =>
        (!folder || name.startsWith(`${folder}/`)) && words.every((word) => name.includes(word)),
    );
    const images = found.slice(offset, offset + Number(query.get("limit")));
    return Promise.resolve(Response.json({ images, total: found.length, offset, version: "1" }));
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

const entry = (name: string, size = 3): Entry => ({ key: `uploads/${name}`, name, size });
const paths = (found: ReadonlySet<Candidate>) => [...found].map(({ path }) => path);

test("a folder is compared by path and size, in few calls", async () => {
  const stored = Array.from({ length: 2_400 }, (_, i) => entry(`Holiday/${i}.jpg`));
  const asked = serve(stored);
  const files = [
    file("Holiday/1.jpg"),
    file("Holiday/2.jpg", 4), // another size
    file("Holiday/2399.jpg"),
    file("Holiday/Day 1/1.jpg"), // another folder
    file("New/1.jpg"),
  ];
  const found = await findStored(createQueryClient(), files);
  expect(paths(found)).toEqual(["Holiday/1.jpg", "Holiday/2399.jpg"]);
  expect(asked).toHaveLength(1 + 3 + 1);
});

test("files without a folder are asked for by name", async () => {
  const old = "uploads/my_cat_20260101-120000_00000001.jpg";
  serve([
    entry("a.jpg"),
    entry("a.jpg.jpg", 9),
    entry("Holiday/b.jpg"),
    { key: old, name: old, size: 3 },
  ]);
  const files = ["a.jpg", "a.jpg.jpg", "b.jpg", "my_cat.jpg"].map((path) => file(path));
  const found = await findStored(createQueryClient(), files);
  // The last two were sent with their folder, and before there were names.
  expect(paths(found)).toEqual(["a.jpg", "b.jpg", "my_cat.jpg"]);
});

test("an empty store, and too many single files, cost one call", async () => {
  const many = Array.from({ length: 1_000 }, (_, i) => file(`${i}.jpg`));
  const asked = serve([entry("1.jpg")]);
  expect(paths(await findStored(createQueryClient(), many))).toEqual([]);
  expect(asked).toHaveLength(1);
  const none = serve([]);
  await findStored(createQueryClient(), [file("Holiday/1.jpg")]);
  expect(none).toHaveLength(1);
});

test("without a catalogue the list is compared by name and size", async () => {
  vi.stubGlobal("location", { origin: "http://page.example" });
  vi.stubGlobal("fetch", (path: string) =>
    Promise.resolve(
      path.includes("offset")
        ? Response.json({ error: "this store has no catalogue" }, { status: 422 })
        : Response.json({
            images: [{ key: "uploads/a_b_20260101-120000_00000001.jpg", size: 3 }],
          }),
    ),
  );
  const found = await findStored(createQueryClient(), [file("x/a b.jpg"), file("x/c.jpg")]);
  expect(paths(found)).toEqual(["x/a b.jpg"]);
});

test("where the store cannot be asked, nothing counts as stored", async () => {
  vi.stubGlobal("location", { origin: "http://page.example" });
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no network")));
  expect(paths(await findStored(createQueryClient(), [file("a.jpg")]))).toEqual([]);
});
