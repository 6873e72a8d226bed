import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Send } from "./queue";

// Nothing arrives, so that the queue keeps what it was given.
vi.mock("./send", () => ({ send: (() => new Promise(() => undefined)) satisfies Send }));

const jpeg = (content: string, name: string) =>
  new File([Uint8Array.from(`\xff\xd8\xff\xe0${content}`, (char) => char.charCodeAt(0))], name);
const notes = (name: string) => new File(["no image"], name);

let page: typeof import("./uploads");
beforeEach(async () => {
  vi.stubGlobal("window", new EventTarget());
  vi.resetModules();
  page = await import("./uploads");
});
afterEach(() => vi.unstubAllGlobals());

const names = (list: readonly { file: File }[] | undefined) => list?.map(({ file }) => file.name);
const sent = () => names(page.queue.get().uploads);

test("what is dropped while a batch waits for the user's word joins it", async () => {
  await page.takeFiles([jpeg("1", "a.jpg"), notes("first.txt")], []);
  expect(names(page.review.get()?.ready)).toEqual(["a.jpg"]);
  await page.takeFiles([jpeg("1", "a.jpg"), jpeg("2", "b.jpg"), notes("second.txt")], []);
  const review = page.review.get();
  expect(names(review?.ready)).toEqual(["a.jpg", "b.jpg"]);
  expect(review?.repeated.map(({ name }) => name)).toEqual(["a.jpg"]);
  expect(review?.rejected.map(({ name }) => name)).toEqual(["first.txt", "second.txt"]);
  // Without a remark of its own, it is not sent over the head of the question either.
  await page.takeFiles([jpeg("3", "c.jpg")], []);
  expect(sent()).toEqual([]);
  const whole = page.review.get();
  expect(names(whole?.ready)).toEqual(["a.jpg", "b.jpg", "c.jpg"]);
  if (whole) page.startUploads(whole, false);
  expect(sent()).toEqual(["a.jpg", "b.jpg", "c.jpg"]);
});

test("files of two batches that come at once are sent once", async () => {
  await Promise.all([
    page.takeFiles([jpeg("1", "a.jpg")], []),
    page.takeFiles([jpeg("1", "a.jpg"), jpeg("2", "b.jpg")], []),
  ]);
  expect(sent()).toEqual(["a.jpg"]);
  expect(names(page.review.get()?.stored)).toEqual(["a.jpg"]);
  expect(names(page.review.get()?.ready)).toEqual(["b.jpg"]);
  expect(page.preparing.get()).toBe(0);
});

test("a batch that was answered while the next is looked at does not come again", async () => {
  await page.takeFiles([jpeg("1", "a.jpg"), notes("first.txt")], []);
  const next = page.takeFiles([jpeg("2", "b.jpg")], []);
  await Promise.resolve();
  page.review.set(null); // cancelled
  await next;
  expect(page.review.get()).toBeNull();
  expect(sent()).toEqual(["b.jpg"]);
});
