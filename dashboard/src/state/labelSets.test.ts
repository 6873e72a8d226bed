import { describe, expect, test } from "vitest";
import {
  exportLabelSets,
  importLabelSets,
  labelSets,
  parseLabels,
  removeLabelSet,
  saveLabelSet,
  tidyLabels,
} from "./labelSets";

describe("parseLabels", () => {
  test("takes one line with commas", () => {
    expect(parseLabels("cat, dog ,bird").labels).toEqual(["cat", "dog", "bird"]);
  });
  test("keeps commas where each label has a line", () => {
    expect(parseLabels("salt, pepper\nsugar\n").labels).toEqual(["salt, pepper", "sugar"]);
  });
  test("leaves out empty ones and counts them", () => {
    expect(parseLabels("cat,,dog,")).toEqual({ labels: ["cat", "dog"], empty: 2, duplicates: [] });
  });
  test("leaves out labels that differ only in spelling variants", () => {
    expect(parseLabels("Cat\ncat \ncafe\u0301\ncaf\u00e9")).toEqual({
      labels: ["Cat", "cafe\u0301"],
      empty: 0,
      duplicates: ["cat", "caf\u00e9"],
    });
  });
  test("takes right-to-left and emoji labels as they are", () => {
    expect(parseLabels("קטה\n🐈‍⬛\nكلب").labels).toEqual(["קטה", "🐈‍⬛", "كلب"]);
  });
  test("does not count an empty input as an empty label", () => {
    expect(parseLabels(" ").empty).toBe(0);
  });
});

test("a hundred labels stay a hundred", () => {
  const labels = Array.from({ length: 100 }, (_, i) => `label ${i}`);
  expect(tidyLabels(labels).labels).toEqual(labels);
});

describe("importLabelSets", () => {
  test("reads what was exported", () => {
    const sets = [
      { name: "Animals", labels: ["cat", "dog, big"] },
      { name: "חיות", labels: ["כלב"] },
    ];
    expect(importLabelSets(exportLabelSets(sets), "sets.json")).toEqual(sets);
  });
  test("names a plain list after its file", () => {
    expect(importLabelSets("cat\r\ndog\r\n", "pets.txt")).toEqual([
      { name: "pets", labels: ["cat", "dog"] },
    ]);
    expect(importLabelSets('["cat"]', "one.json")).toEqual([{ name: "one", labels: ["cat"] }]);
  });
  test.each(['{"a": 1}', '{"a": ["x", 2]}', "{broken", "", "{}"])(
    "rejects %j with a message",
    (text) => {
      expect(() => importLabelSets(text, "bad.json")).toThrow(/bad\.json/);
    },
  );
});

test("a deleted set comes back to its place, and not over another of its name", () => {
  const names = () => labelSets.get().map(({ name }) => name);
  const before = names();
  const [, second = ""] = before;
  const undo = removeLabelSet(second);
  expect(names()).toHaveLength(before.length - 1);
  undo();
  undo();
  expect(names()).toEqual(before);
  const late = removeLabelSet(second);
  saveLabelSet(second, ["new"]);
  late();
  expect(labelSets.get().filter(({ name }) => name === second)).toEqual([
    { name: second, labels: ["new"] },
  ]);
});
