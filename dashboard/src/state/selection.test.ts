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
  const nowhere = { q: "", folder: "", batch: "", taken: "" };
  const filter = { ...nowhere, order: "name", q: "cat", folder: "Holiday" } as const;
  expect(ruleOf(filter)).toEqual({ q: "cat", folder: "Holiday", order: "name" });
  expect(filterOf(ruleOf(filter))).toEqual(filter);
  expect(ruleOf({ ...nowhere, order: "newest" })).toEqual({
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

test("a rule for an upload, and for dates", () => {
  const filter = { order: "taken", q: "", folder: "", batch: "b", taken: "2024-02" } as const;
  const rule = ruleOf(filter);
  expect(rule).toEqual({
    batch: "b",
    taken_from: "2024-02-01",
    taken_to: "2024-02-29",
    order: "taken",
  });
  expect(filterOf(rule)).toEqual(filter);
  expect(covers(rule, filter)).toBe(true);
  expect(covers(rule, { ...filter, taken: "2024" })).toBe(false);
  expect(ruleWords(rule, 2)).toBe("all 2 photos that are of “b” and are from February 2024");
  expect(ruleWords({ taken: "none" })).toBe("all photos that have no date");
});
