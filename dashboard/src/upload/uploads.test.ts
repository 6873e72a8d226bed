import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Candidate } from "./prepare";
import type { Send } from "./queue";

// Uploads never finish, so that the queue keeps its files.
vi.mock("./send", () => ({ send: (() => new Promise(() => undefined)) satisfies Send }));

const jpeg = (content: string, name: string) =>
  new File([Uint8Array.from(`\xff\xd8\xff\xe0${content}`, (char) => char.charCodeAt(0))], name);
const notes = (name: string) => new File(["not an image"], name);

let page: typeof import("./uploads");
beforeEach(async () => {
  vi.stubGlobal("window", new EventTarget());
  vi.resetModules();
  page = await import("./uploads");
});
afterEach(() => vi.unstubAllGlobals());

const nothingStored = () => Promise.resolve(new Set<Candidate>());
const names = (list: readonly { file: File }[] | undefined) => list?.map(({ file }) => file.name);
const sent = () => names(page.queue.get().uploads);

test("files dropped while a batch waits for the user's decision are added to it", async () => {
  await page.takeFiles([jpeg("1", "a.jpg"), notes("first.txt")], nothingStored);
  expect(names(page.review.get()?.ready)).toEqual(["a.jpg"]);
  await page.takeFiles(
    [jpeg("1", "a.jpg"), jpeg("2", "b.jpg"), notes("second.txt")],
    nothingStored,
  );
  const review = page.review.get();
  expect(names(review?.ready)).toEqual(["a.jpg", "b.jpg"]);
  expect(review?.repeated.map(({ name }) => name)).toEqual(["a.jpg"]);
  expect(review?.rejected.map(({ name }) => name)).toEqual(["first.txt", "second.txt"]);
  // A file without problems also waits for the decision.
  await page.takeFiles([jpeg("3", "c.jpg")], nothingStored);
  expect(sent()).toEqual([]);
  const whole = page.review.get();
  expect(names(whole?.ready)).toEqual(["a.jpg", "b.jpg", "c.jpg"]);
  if (whole) page.startUploads(whole, false);
  expect(sent()).toEqual(["a.jpg", "b.jpg", "c.jpg"]);
});

test("files in two simultaneous batches are sent once", async () => {
  await Promise.all([
    page.takeFiles([jpeg("1", "a.jpg")], nothingStored),
    page.takeFiles([jpeg("1", "a.jpg"), jpeg("2", "b.jpg")], nothingStored),
  ]);
  expect(sent()).toEqual(["a.jpg"]);
  expect(names(page.review.get()?.stored)).toEqual(["a.jpg"]);
  expect(names(page.review.get()?.ready)).toEqual(["b.jpg"]);
  expect(page.preparing.get()).toBe(0);
});

test("a batch decided while the next is being checked does not come back", async () => {
  await page.takeFiles([jpeg("1", "a.jpg"), notes("first.txt")], nothingStored);
  const next = page.takeFiles([jpeg("2", "b.jpg")], nothingStored);
  await Promise.resolve();
  page.review.set(null); // cancelled
  await next;
  expect(page.review.get()).toBeNull();
  expect(sent()).toEqual(["b.jpg"]);
});

test("all files of one upload have the same batch, those of the next another", async () => {
  await page.takeFiles([jpeg("1", "a.jpg"), jpeg("2", "b.jpg")], nothingStored);
  await page.takeFiles([jpeg("3", "c.jpg")], nothingStored);
  const [a, b, c] = page.queue.get().uploads.map(({ batch }) => batch);
  expect(a).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d [0-9a-f]{4}$/);
  expect(b).toBe(a);
  expect(c).not.toBe(a);
  expect(page.newBatch(new Date(2026, 10, 28, 15, 2), 0.5)).toBe("2026-11-28 15:02 8000");
});
