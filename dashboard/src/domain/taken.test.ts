import { expect, test } from "vitest";
import { isTaken, rangeOf, takenOf, takenWords } from "./taken";

test.each([
  ["2024", "2024-01-01", "2024-12-31", "2024"],
  ["2024-02", "2024-02-01", "2024-02-29", "February 2024"],
  ["2023-02", "2023-02-01", "2023-02-28", "February 2023"],
  ["1999-12", "1999-12-01", "1999-12-31", "December 1999"],
])("%s", (taken, taken_from, taken_to, words) => {
  expect(rangeOf(taken)).toEqual({ taken_from, taken_to });
  expect(takenOf(rangeOf(taken))).toBe(taken);
  expect(takenWords(taken)).toBe(words);
});

test("photos without a date, and all photos", () => {
  expect(rangeOf("none")).toEqual({ taken: "none" });
  expect(takenOf({ taken: "none" })).toBe("none");
  expect(rangeOf("")).toEqual({});
  expect(takenOf({})).toBe("");
});

test("what is no year or month", () => {
  expect(["2024-13", "24", "2024-7", "never", ""].filter(isTaken)).toEqual([]);
});
