import { expect, test } from "vitest";
import { changesOf, compareRows, formatDelta } from "./compare";
import type { Row } from "./results";

const row = (key: string, label: string, score: number): Row => ({
  index: 0,
  key,
  filename: key,
  path: key,
  name: key,
  predictions: label ? [{ label, score }] : [],
  ms: 0,
  error: label ? "" : "torn",
});
const here = [
  row("same", "cat", 0.9),
  row("surer", "cat", 0.6),
  row("other", "cat", 0.8),
  row("other2", "cat", 0.5),
  row("torn", "", 0),
  row("gone", "dog", 0.9),
  row("gone", "dog", 0.9),
];
const there = [
  row("same", "cat", 0.9),
  row("surer", "cat", 0.95),
  row("other", "dog", 0.7),
  row("other2", "dog", 0.9),
  row("torn", "cat", 0.7),
  row("new", "cat", 0.9),
];

test("changed labels come first, then the largest change of confidence; each photo counts once", () => {
  const { pairs, onlyHere, onlyThere } = compareRows(here, there, 0.3);
  expect(pairs.map(({ key }) => key)).toEqual(["torn", "other2", "other", "surer", "same"]);
  expect(pairs.filter(({ isChanged }) => isChanged)).toHaveLength(3);
  expect(onlyHere.map(({ key }) => key)).toEqual(["gone"]);
  expect(onlyThere.map(({ key }) => key)).toEqual(["new"]);
  expect(changesOf(pairs).map(({ from, to, count }) => [from, to, count])).toEqual([
    ["cat", "dog", 2],
    ["not classified", "cat", 1],
  ]);
});

test("the threshold applies to both", () => {
  const { pairs } = compareRows(here, there, 0.75);
  expect(changesOf(pairs).map(({ from, to }) => `${from} > ${to}`)).toEqual([
    "cat > unknown",
    "not classified > unknown",
    "unknown > cat",
    "unknown > dog",
  ]);
});

test("changes of labels have an id of their own whatever is in them", () => {
  const pairs = compareRows(
    [row("x", "a>b", 1), row("y", "a", 1)],
    [row("x", "c", 1), row("y", "b>c", 1)],
    0,
  ).pairs;
  expect(new Set(changesOf(pairs).map(({ id }) => id)).size).toBe(2);
});

test("a change of confidence has its sign, none where it rounds to nothing", () => {
  expect([0.123, -0.03, 0.004, 0].map(formatDelta)).toEqual(["+12%", "−3%", "±0%", "±0%"]);
});
