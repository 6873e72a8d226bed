import { expect, test } from "vitest";
import { group, groupParents, parentsOf, type Row } from "../domain/results";
import { lineOf, linesOf, nearestShown, rowsInOrder, stepInLines, type Line } from "./lines";

let made = 0;
const photos = (label: string, count: number): Row[] =>
  Array.from({ length: count }, (_, i) => ({
    index: made++,
    key: `${label}-${i}`,
    filename: "",
    path: "",
    name: `${label}-${i}`,
    predictions: [{ label, score: 0.9 - i / 100 }],
    ms: 0,
    error: "",
  }));
const rows = [...photos("pug", 5), ...photos("collie", 2), ...photos("taxi", 1)];
const { groups } = group(rows, 0);
const parents = groupParents(
  groups,
  parentsOf([{ name: "dog", labels: ["pug", "collie"] }]),
  "sure",
);
const words = (lines: Line[]) =>
  lines.map((line) =>
    line.kind === "parent"
      ? `${line.parent.name}: ${line.parent.groups.length}${line.open ? " open" : ""}`
      : line.kind === "group"
        ? `${line.inParent ? "- " : ""}${line.group.label} +${line.hidden}`
        : line.rows.map(({ index }) => index).join(" "),
  );
const plain = { groups, parents: null, open: new Set<string>(), whole: false };

test("each group shows its first photos, or all of them", () => {
  expect(words(linesOf(plain, 2))).toEqual([
    "pug +1",
    "0 1",
    "2 3",
    "collie +0",
    "5 6",
    "taxi +0",
    "7",
  ]);
  expect(words(linesOf({ ...plain, whole: true }, 2))[0]).toBe("pug +0");
});

test("a group of groups shows its first photos, and its labels once it is open", () => {
  expect(words(linesOf({ ...plain, parents }, 2))).toEqual([
    "dog: 2",
    "0 5",
    "1 6",
    "taxi +0",
    "7",
  ]);
  const open = { ...plain, parents, open: new Set(["dog"]) };
  expect(words(linesOf(open, 2))).toEqual([
    "dog: 2 open",
    "- pug +1",
    "0 1",
    "2 3",
    "- collie +0",
    "5 6",
    "taxi +0",
    "7",
  ]);
  expect(rowsInOrder(open).map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(rowsInOrder({ ...plain, parents }).map(({ index }) => index)).toEqual([
    0, 5, 1, 6, 2, 3, 4, 7,
  ]);
});

test("arrow keys lead across headings, and a photo is found again", () => {
  const lines = linesOf(plain, 2);
  const step = (from: number, key: string) => stepInLines(lines, from, key);
  expect(step(1, "ArrowRight")).toBe(2);
  expect(step(3, "ArrowRight")).toBe(5);
  expect(step(5, "ArrowLeft")).toBe(3);
  expect(step(3, "ArrowDown")).toBe(6);
  expect(step(6, "ArrowDown")).toBe(7);
  expect(step(6, "ArrowUp")).toBe(3);
  expect(step(0, "ArrowLeft")).toBeUndefined();
  expect(step(0, "Enter")).toBeUndefined();
  expect(lineOf(lines, 6)).toBe(4);
  expect(lineOf(lines, 4)).toBe(-1);
});

test("of a photo behind “Show all” the nearest one that is shown is found", () => {
  const lines = linesOf(plain, 2);
  const near = (index: number) => nearestShown(lines, rows[index] as Row);
  expect(near(6)).toEqual({ line: 4, index: 6 });
  expect(near(4)).toEqual({ line: 2, index: 3 });
  expect(nearestShown(lines, photos("bus", 1)[0] as Row)).toBeUndefined();
});
