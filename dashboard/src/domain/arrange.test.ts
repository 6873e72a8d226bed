import { describe, expect, test } from "vitest";
import { arrange, stepInGrid } from "./arrange";

const image = (key: string, size: number, last_modified: string) => ({ key, size, last_modified });
const images = [
  image("uploads/beach_20260101-120000_00000001.jpg", 10, "2026-01-03T00:00:00Z"),
  image("uploads/Cat_20260101-120000_00000002.jpg", 30, "2026-01-01T00:00:00Z"),
  image("uploads/dog_20260101-120000_00000003.png", 20, "2026-01-02T00:00:00Z"),
];
const names = (list: typeof images) => list.map(({ key }) => key.split("/")[1]?.split("_")[0]);

describe("arrange", () => {
  test.each([
    ["newest", ["beach", "dog", "Cat"]],
    ["oldest", ["Cat", "dog", "beach"]],
    ["name", ["Cat", "beach", "dog"]],
    ["size", ["Cat", "dog", "beach"]],
  ] as const)("puts %s first", (order, expected) => {
    expect(names(arrange(images, order, ""))).toEqual(expected);
  });
  test("searches the user's file name, not the time in the key", () => {
    expect(names(arrange(images, "newest", "CAT"))).toEqual(["Cat"]);
    expect(arrange(images, "newest", "20260101")).toEqual([]);
  });
});

describe("stepInGrid", () => {
  test.each([
    ["ArrowRight", 0, 1],
    ["ArrowLeft", 0, 0],
    ["ArrowDown", 1, 5],
    ["ArrowDown", 8, 8], // there is none below
    ["ArrowUp", 2, 2],
    ["PageDown", 0, 8],
    ["End", 0, 9],
    ["Home", 7, 0],
  ])("%s from %i leads to %i", (key, from, to) => {
    expect(stepInGrid(key, from, 4, 10, 2)).toBe(to);
  });
  test("leaves other keys alone", () => {
    expect(stepInGrid("x", 0, 4, 10, 2)).toBeUndefined();
  });
});
