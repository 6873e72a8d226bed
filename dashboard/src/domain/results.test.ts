import { describe, expect, test } from "vitest";
import {
  everyRow,
  failedFilter,
  filterRows,
  group,
  groupParents,
  histogram,
  isLabel,
  labelOf,
  parentsOf,
  toRows,
} from "./results";

const result = (name: string, predictions: [string, number][], error?: string) => ({
  filename: `${name}.jpg`,
  s3_key: `uploads/${name}_20260101-120000_00000001.jpg`,
  top_prediction: null,
  top_confidence: 0,
  all_predictions: predictions.map(([label, score]) => ({ label, score })),
  processing_time_ms: 4,
  ...(error ? { error } : {}),
});
const rows = toRows(
  [
    result("tom", [
      ["cat", 0.9],
      ["dog", 0.1],
    ]),
    result("rex", [
      ["dog", 0.6],
      ["cat", 0.4],
    ]),
    result("kit", [
      ["cat", 0.5],
      ["dog", 0.5],
    ]),
    result("torn", [], "the JPEG is truncated"),
  ],
  7,
);

describe("group", () => {
  test("counts each image once, at any threshold", () => {
    expect(group(rows, 0).summary).toEqual({ total: 4, classified: 3, unknown: 0, failed: 1 });
    expect(group(rows, 0.5).summary).toEqual({ total: 4, classified: 3, unknown: 0, failed: 1 });
    expect(group(rows, 0.7).summary).toEqual({ total: 4, classified: 1, unknown: 2, failed: 1 });
    expect(group(rows, 1).summary).toEqual({ total: 4, classified: 0, unknown: 3, failed: 1 });
  });
  test("puts the largest group first, unknown last, and the most confident image first", () => {
    const { groups, failed } = group(rows, 0.55);
    expect(
      groups.map(({ label, rows: members }) => [label, members.map(({ name }) => name)]),
    ).toEqual([
      ["cat", ["tom.jpg"]],
      ["dog", ["rex.jpg"]],
      ["unknown", ["kit.jpg"]],
    ]);
    expect(failed.map(({ error }) => error)).toEqual(["the JPEG is truncated"]);
  });
  test("handles 20,000 images", () => {
    const many = toRows(
      Array.from({ length: 20_000 }, (_, i) =>
        result(`n${i}`, [[`label ${i % 300}`, (i % 100) / 100]]),
      ),
      0,
    );
    const { summary, groups } = group(many, 0.5);
    expect(summary.classified + summary.unknown).toBe(20_000);
    expect(groups.reduce((sum, entry) => sum + entry.rows.length, 0)).toBe(20_000);
  });
});

describe("filterRows", () => {
  const names = (found: typeof rows) => found.map(({ name }) => name);
  const found = (filter: Partial<typeof everyRow>, parents = parentsOf([])) =>
    names(filterRows(rows, 0.55, { ...everyRow, ...filter }, parents));
  test("by label, by failure, by text", () => {
    expect(found({ label: "cat" })).toEqual(["tom.jpg"]);
    expect(found({ label: failedFilter })).toEqual(["torn.jpg"]);
    expect(found({ text: "TO" })).toEqual(["tom.jpg", "torn.jpg"]);
    expect(found({ text: "dog" })).toEqual(["rex.jpg"]);
    expect(found({})).toHaveLength(4);
  });
  test("finds words in name, label and error, without regard to case, accents and separators", () => {
    expect(found({ text: "REX döG" })).toEqual(["rex.jpg"]);
    expect(found({ text: "truncated torn-jpg" })).toEqual(["torn.jpg"]);
    expect(found({ text: "rex cat" })).toEqual([]);
  });
  test("by confidence, both ends included; what failed has none", () => {
    expect(found({ from: 0.5, to: 0.6 })).toEqual(["rex.jpg", "kit.jpg"]);
    expect(found({ from: 0.9 })).toEqual(["tom.jpg"]);
    expect(found({ from: 0, to: 0.99 })).not.toContain("torn.jpg");
  });
  test("by the group of the label", () => {
    const parents = parentsOf([{ name: "pet", labels: ["cat", "dog"] }]);
    expect(found({ parent: "pet" }, parents)).toEqual(["tom.jpg", "rex.jpg"]);
    expect(found({ parent: "unknown" }, parents)).toEqual(["kit.jpg"]);
    expect(found({ parent: "car" }, parents)).toEqual([]);
  });
});

test("within a group the least sure can be first", () => {
  const order = (which: "sure" | "unsure") =>
    group(rows, 0, which).groups[0]?.rows.map(({ name }) => name);
  expect(order("sure")).toEqual(["tom.jpg", "kit.jpg"]);
  expect(order("unsure")).toEqual(["kit.jpg", "tom.jpg"]);
});

describe("groups of groups", () => {
  const many = toRows(
    [
      result("a", [["collie", 0.9]]),
      result("b", [["beagle", 0.8]]),
      result("c", [["beagle", 0.95]]),
      result("d", [["taxi", 0.9]]),
      result("e", [["taxi", 0.9]]),
      result("f", [["web site", 0.9]]),
      ...Array.from({ length: 9 }, (_, i) => result(`u${i}`, [["taxi", 0.1]])),
    ],
    0,
  );
  const parents = parentsOf([
    { name: "vehicle", labels: ["taxi", "minivan"] },
    { name: "dog", labels: ["collie", "beagle", "pug"] },
  ]);
  const found = groupParents(group(many, 0.5).groups, parents, "sure");
  test("are largest first, unknown last; a label without a group stands for itself", () => {
    expect(found.map(({ name, rows: { length } }) => [name, length])).toEqual([
      ["dog", 3],
      ["vehicle", 2],
      ["web site", 1],
      ["unknown", 9],
    ]);
    expect(found.map(isLabel)).toEqual([false, false, true, true]);
  });
  test("have the photos of all their labels in one order", () => {
    expect(found[0]?.groups.map(({ label }) => label)).toEqual(["beagle", "collie"]);
    expect(found[0]?.rows.map(({ filename }) => filename)).toEqual(["c.jpg", "a.jpg", "b.jpg"]);
  });
});

test("rows have their position in the job", () => {
  expect(rows.map(({ index }) => index)).toEqual([7, 8, 9, 10]);
  expect(rows.map((row) => labelOf(row, 0))).toEqual(["cat", "dog", "cat", ""]);
});

test("the histogram counts each image with a label once, a score of 1 in the last step", () => {
  expect(histogram(rows, 4)).toEqual([0, 0, 2, 1]);
  expect(histogram(toRows([result("sure", [["cat", 1]])], 0), 4)).toEqual([0, 0, 0, 1]);
});
