import { expect, test } from "vitest";
import { toggle, without, withRange } from "./selection";

const order = ["a", "b", "c", "d", "e"];

test("a second click removes the key", () => {
  expect([...toggle(toggle(new Set(["x"]), "a"), "x")]).toEqual(["a"]);
});

test("a range is added in both directions", () => {
  expect([...withRange(new Set(["e"]), order, "b", "d")].sort()).toEqual(["b", "c", "d", "e"]);
  expect([...withRange(new Set(), order, "d", "b")].sort()).toEqual(["b", "c", "d"]);
});

test("a range whose start is no longer shown is its end only", () => {
  expect([...withRange(new Set(), order, "gone", "c")]).toEqual(["c"]);
});

test("deleted keys are no longer selected", () => {
  expect([...without(new Set(order), new Set(["b", "c"]))]).toEqual(["a", "d", "e"]);
});
