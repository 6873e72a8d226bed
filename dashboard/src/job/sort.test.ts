import { expect, test } from "vitest";
import type { Row } from "../domain/results";
import { sortRows } from "./sort";
import { toCsv } from "./csv";

const row = (name: string, score: number, label: string, ms: number): Row => ({
  index: 0,
  key: name,
  filename: name,
  path: name,
  name,
  predictions: score > 0 ? [{ label, score }] : [],
  ms,
  error: score > 0 ? "" : "torn",
});
const rows = [
  row("b10.jpg", 0.5, "cat", 3),
  row("b9.jpg", 0, "", 0),
  row("a.jpg", 0.9, "dog", 1),
  row("Ä.jpg", 0.2, "ant", 2),
];
const order = (column: string, falling = false) =>
  sortRows(rows, 0.3, { column, falling }).map(({ name }) => name);

test("each column sorts, both ways, and numbers in names by their value", () => {
  expect(order("photo")).toEqual(["a.jpg", "Ä.jpg", "b9.jpg", "b10.jpg"]);
  expect(order("photo", true)).toEqual(["b10.jpg", "b9.jpg", "Ä.jpg", "a.jpg"]);
  expect(order("confidence", true)).toEqual(["a.jpg", "b10.jpg", "Ä.jpg", "b9.jpg"]);
  expect(order("time")).toEqual(["b9.jpg", "a.jpg", "Ä.jpg", "b10.jpg"]);
  expect(order("label")).toEqual(["b10.jpg", "a.jpg", "Ä.jpg", "b9.jpg"]); // Ä is unknown, b9 failed
  expect(sortRows(rows, 0.3, null)).toBe(rows);
});

test("the CSV has the order of the table", () => {
  const sorted = sortRows(rows, 0.3, { column: "photo", falling: true });
  const names = toCsv(sorted, 0.3)
    .split("\r\n")
    .slice(1, -1)
    .map((line) => line.split(",")[0]);
  expect(names).toEqual(["b10.jpg", "b9.jpg", "Ä.jpg", "a.jpg"]);
});
