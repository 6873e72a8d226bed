import { expect, test } from "vitest";
import { countBelow, folderChoices } from "./folders";

const folders = [
  { folder: "", images: 7 },
  { folder: "Holiday/Day 10", images: 3 },
  { folder: "Holiday/Day 2", images: 4 },
  { folder: "Holiday-old", images: 1 },
  { folder: "Work", images: 1000 },
];

test("counts what is in a folder and below it", () => {
  expect(Object.fromEntries(countBelow(folders))).toEqual({
    Holiday: 7,
    "Holiday/Day 10": 3,
    "Holiday/Day 2": 4,
    "Holiday-old": 1,
    Work: 1000,
  });
});

test("folders come before their neighbours, numbers by value", () => {
  expect(folderChoices(folders, "").map(({ label }) => label.trim())).toEqual([
    "Holiday (7)",
    "Day 2 (4)",
    "Day 10 (3)",
    "Holiday-old (1)",
    "Work (1,000)",
  ]);
});

test("a folder without photos stays while it is chosen", () => {
  expect(folderChoices(folders, "Gone").map(({ value }) => value)).toContain("Gone");
});

test("very many folders are shown level by level", () => {
  const many = Array.from({ length: 50_000 }, (_, i) => ({
    folder: `${Math.floor(i / 1000)}/${i}/inner`,
    images: 1,
  }));
  expect(folderChoices(many, "")).toHaveLength(50);
  expect(folderChoices(many, "3/3007").map(({ value }) => value)).toEqual([
    "3",
    "3/3007",
    "3/3007/inner",
  ]);
});
