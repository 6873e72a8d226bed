import { expect, test } from "vitest";
import { toggle, without, withRange } from "./selection";

const order = ["a", "b", "c", "d", "e"];

test("a second click takes a key out again", () => {
  expect([...toggle(toggle(new Set(["x"]), "a"), "x")]).toEqual(["a"]);
});

test("a range joins in both directions", () => {
  expect([...withRange(new Set(["e"]), order, "b", "d")].sort()).toEqual(["b", "c", "d", "e"]);
  expect([...withRange(new Set(), order, "d", "b")].sort()).toEqual(["b", "c", "d"]);
});

test("a range from what is not shown any more is its end", () => {
  expect([...withRange(new Set(), order, "gone", "c")]).toEqual(["c"]);
});

test("what is deleted is not selected any more", () => {
  expect([...without(new Set(order), new Set(["b", "c"]))]).toEqual(["a", "d", "e"]);
});
