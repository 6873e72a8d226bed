import { describe, expect, test } from "vitest";
import { arrange, indexNear, indexOf, stepInGrid } from "./arrange";

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
    ["largest", ["Cat", "dog", "beach"]],
  ] as const)("puts %s first", (order, expected) => {
    expect(names(arrange(images, order, ""))).toEqual(expected);
  });
  test("searches the user's file name, not the time in the key", () => {
    expect(names(arrange(images, "newest", "CAT"))).toEqual(["Cat"]);
    expect(arrange(images, "newest", "20260101")).toEqual([]);
  });
  test("limits the list to the given keys", () => {
    const only = new Set([images[2]?.key ?? ""]);
    expect(names(arrange(images, "newest", "", only))).toEqual(["dog"]);
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

describe("an open image", () => {
  const list = arrange(images, "newest", "");
  const dog = { key: list[1]?.key ?? "", index: 1 };
  const newer = image("uploads/new_20260101-120000_00000004.jpg", 1, "2026-01-04T00:00:00Z");

  test("is followed when others are added before it", () => {
    const longer = arrange([...images, newer], "newest", "");
    expect(indexOf(list, dog)).toBe(1);
    expect(indexOf(longer, dog)).toBe(2);
    expect(indexNear(longer, dog)).toBe(2);
  });
  test("that was removed is not replaced by another; a neighbour takes the focus", () => {
    const shorter = list.filter(({ key }) => key !== dog.key);
    expect(indexOf(shorter, dog)).toBe(-1);
    expect(names([shorter[indexNear(shorter, dog)] ?? newer])).toEqual(["Cat"]);
    expect(indexNear(list.slice(0, 1), dog)).toBe(0);
    expect(indexNear([], dog)).toBe(0);
  });
});
