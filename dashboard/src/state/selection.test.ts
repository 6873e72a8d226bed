import { expect, test } from "vitest";
import {
  covers,
  filterOf,
  isEmpty,
  ruleOf,
  ruleWords,
  toggle,
  withKeys,
  without,
  type Selection,
} from "./selection";

const keys = (...list: string[]): Selection => ({ keys: new Set(list), rule: null });
const everything: Selection = { keys: new Set(), rule: { all: true } };

test("a second click removes the key", () => {
  expect(toggle(toggle(keys("x"), "a"), "x")).toEqual(keys("a"));
});

test("a photo clicked after a rule begins a new selection, and so does a range", () => {
  expect(toggle(everything, "a")).toEqual(keys("a"));
  expect(withKeys(everything, ["a", "b"])).toEqual(keys("a", "b"));
  expect(withKeys(keys("x"), ["a", "x"])).toEqual(keys("x", "a"));
});

test("deleted keys are no longer selected; a rule stays", () => {
  expect(without(keys("a", "b", "c"), new Set(["b"]))).toEqual(keys("a", "c"));
  expect(without(everything, new Set(["b"]))).toEqual(everything);
  expect([isEmpty(keys()), isEmpty(keys("a")), isEmpty(everything)]).toEqual([true, false, false]);
});

test("a rule says what the filter shows", () => {
  const filter = { order: "name", q: "cat", folder: "Holiday" } as const;
  expect(ruleOf(filter)).toEqual({ q: "cat", folder: "Holiday", order: "name" });
  expect(filterOf(ruleOf(filter))).toEqual(filter);
  expect(ruleOf({ order: "newest", q: "", folder: "" })).toEqual({
    all: true,
    order: "newest",
  });
  expect(covers({ q: "cat", folder: "Holiday" }, filter)).toBe(true);
  expect(covers({ q: "cat" }, filter)).toBe(false);
  expect(covers({ all: true }, filter)).toBe(true);
});

test("a rule has words", () => {
  expect(ruleWords({ all: true }, 1_000_000)).toBe("all 1,000,000 photos");
  expect(ruleWords({ all: true })).toBe("all photos");
  expect(ruleWords({ q: "cat", folder: "A/B" }, 12_000)).toBe(
    "all 12,000 photos that match “cat” and are in “A/B”",
  );
});
