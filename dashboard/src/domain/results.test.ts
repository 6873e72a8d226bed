import { describe, expect, test } from "vitest";
import { failedFilter, filterRows, group, histogram, labelOf, toRows } from "./results";

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
  test("by label, by failure, by text", () => {
    expect(names(filterRows(rows, 0.55, "cat", ""))).toEqual(["tom.jpg"]);
    expect(names(filterRows(rows, 0.55, failedFilter, ""))).toEqual(["torn.jpg"]);
    expect(names(filterRows(rows, 0.55, "", "TO"))).toEqual(["tom.jpg", "torn.jpg"]);
    expect(names(filterRows(rows, 0.55, "", "dog"))).toEqual(["rex.jpg"]);
    expect(names(filterRows(rows, 0.55, "", ""))).toHaveLength(4);
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
