import { expect, test } from "vitest";
import { galleryPath, goneWords, lostWords, titleOf, type Photos } from "./photos";

const photos = (change: Partial<Photos>): Photos => ({
  count: 3,
  first: [],
  keys: [],
  rule: null,
  all: false,
  listed: true,
  missing: [],
  lost: false,
  ...change,
});

test("photos that are gone are never called all", () => {
  const gone = photos({ missing: ["a", "b", "c"] });
  expect(titleOf(gone)).toBe("No photos");
  expect(goneWords(gone)).toBe("The 3 photos of this job are no longer stored. Choose photos.");
  expect(goneWords(photos({ count: 1, missing: ["a"] }))).toBe(
    "The photo of this job is no longer stored. Choose photos.",
  );
});

test("an empty selection does not stand for all where some were chosen", () => {
  expect(titleOf(photos({ all: true, count: 1_008, lost: true }))).toBe("No photos");
  expect(lostWords(3)).toBe("The 3 photos of this job are no longer selected. Choose photos.");
  expect(lostWords(1)).toMatch(/^The photo of this job is no longer selected/);
});

test("some that are gone are counted", () => {
  const some = photos({ count: 1_200, missing: ["a"] });
  expect(titleOf(some)).toBe("1,200 photos");
  expect(goneWords(some)).toBe("1 of the 1,200 photos is no longer stored.");
  expect(goneWords(photos({ missing: ["a", "b"] }))).toMatch(/^2 of the 3 photos are/);
  expect(goneWords(photos({}))).toBe("");
});

test("photos are named by what chose them", () => {
  expect(titleOf(photos({ all: true, count: 1_008 }))).toBe("All 1,008 photos");
  expect(titleOf(photos({ rule: { q: "cat" }, count: 5 }))).toBe("All 5 photos that match “cat”");
});

test("the link to the gallery has the rule", () => {
  expect(galleryPath(null)).toBe("/");
  expect(galleryPath({ order: "newest", all: true })).toBe("/");
  expect(galleryPath({ q: "cat", folder: "A b", order: "name" })).toBe(
    "/?order=name&q=cat&folder=A+b",
  );
});
