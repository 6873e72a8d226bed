import { expect, test } from "vitest";
import { countBelow, foldersIn, searchFolders } from "./folders";

const counts = countBelow([
  { folder: "", images: 7 },
  { folder: "Holiday/Day 10", images: 3 },
  { folder: "Holiday/Day 2", images: 4 },
  { folder: "Holiday-old", images: 1 },
  { folder: "Work", images: 1000 },
]);

test("counts what is in a folder and below it", () => {
  expect(Object.fromEntries(counts)).toEqual({
    Holiday: 7,
    "Holiday/Day 10": 3,
    "Holiday/Day 2": 4,
    "Holiday-old": 1,
    Work: 1000,
  });
});

test("folders are shown level by level, numbers by value", () => {
  expect(
    foldersIn(counts, "", "name").map(({ folder, hasFolders }) => [folder, hasFolders]),
  ).toEqual([
    ["Holiday", true],
    ["Holiday-old", false],
    ["Work", false],
  ]);
  expect(foldersIn(counts, "Holiday", "name").map(({ folder }) => folder)).toEqual([
    "Holiday/Day 2",
    "Holiday/Day 10",
  ]);
});

test("or those with the most photos first", () => {
  expect(foldersIn(counts, "", "photos").map(({ count }) => count)).toEqual([1000, 7, 1]);
});

test("a search finds folders at any depth by their own names", () => {
  expect(searchFolders(counts, "DAY 1", "name").map(({ folder }) => folder)).toEqual([
    "Holiday/Day 10",
  ]);
  expect(searchFolders(counts, "holiday", "name")).toHaveLength(2);
});

test("2,000 nested folders with the same names", () => {
  const many = countBelow(
    Array.from({ length: 2_000 }, (_, i) => ({
      folder: Array.from({ length: 1 + (i % 40) }, () => `same ${Math.floor(i / 40)}`).join("/"),
      images: 5,
    })),
  );
  expect(foldersIn(many, "", "name")).toHaveLength(50);
  expect(foldersIn(many, "same 3/same 3", "name").map(({ count }) => count)).toEqual([38 * 5]);
});
