import { describe, expect, test } from "vitest";
import {
  asSentence,
  displayName,
  formatBytes,
  formatDuration,
  formatPercent,
  formatTime,
  formatTimeLeft,
  lastPart,
  nameOf,
  plural,
} from "./format";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [999_499, "999 kB"],
  [999_600, "1.0 MB"],
  [9_960, "10 kB"],
  [3_200_000_000, "3.2 GB"],
])("%i bytes are %s", (bytes, words) => {
  expect(formatBytes(bytes)).toBe(words);
});

test.each([
  [12, "12 ms"],
  [999.7, "1.0 s"],
  [1500, "1.5 s"],
  [9_970, "10 s"],
  [59_700, "1 min 0 s"],
  [61_000, "1 min 1 s"],
  [119_800, "2 min 0 s"],
  [3_599_800, "1 h 0 min"],
  [7_199_000, "2 h 0 min"],
  [7_260_000, "2 h 1 min"],
])("%i ms are %s", (ms, words) => {
  expect(formatDuration(ms)).toBe(words);
});

test("the time left is rounded, and empty where it is not known", () => {
  expect(formatTimeLeft(NaN)).toBe("");
  expect(formatTimeLeft(1200)).toBe("a few seconds left");
  expect(formatTimeLeft(41_000)).toBe("about 45 s left");
  expect(formatTimeLeft(58_000)).toBe("about 1 min left");
  expect(formatTimeLeft(600_000)).toBe("about 10 min left");
});

test("only exact scores are shown as 100% or 0%", () => {
  expect(formatPercent(1)).toBe("100%");
  expect(formatPercent(0.9999)).toBe("> 99%");
  expect(formatPercent(0.314)).toBe("31%");
  expect(formatPercent(0.001)).toBe("< 1%");
  expect(formatPercent(0)).toBe("0%");
});

test("counts agree with their words", () => {
  expect(plural(1, "photo")).toBe("1 photo");
  expect(plural(50_000, "photo")).toBe("50,000 photos");
});

describe("displayName", () => {
  test.each([
    ["uploads/cat_20260131-120000_0a1b2c3d.jpg", "cat.jpg"],
    ["uploads/my_cat_20260131-120000_0a1b2c3d.JPEG", "my_cat.JPEG"],
    ["2024/beach.png", "beach.png"],
    ["uploads/חתול_20260131-120000_0a1b2c3d.jpg", "חתול.jpg"],
  ])("%s is %s", (key, name) => {
    expect(displayName(key)).toBe(name);
  });
});

test("times of today say so, invalid ones are empty", () => {
  const now = new Date();
  expect(formatTime(now.toISOString(), now)).toMatch(/^today \d\d:\d\d$/);
  expect(formatTime("nonsense")).toBe("");
});

test("a reason becomes a sentence, and a leading URL stays as it is", () => {
  expect(asSentence("the JPEG is truncated")).toBe("The JPEG is truncated.");
  expect(asSentence("http://a.example cannot be reached.")).toBe(
    "http://a.example cannot be reached.",
  );
  expect(asSentence("")).toBe("");
});

test("a photo has the user's own path where it is known", () => {
  const key = "uploads/a_20260101-120000_00000001.jpg";
  expect(nameOf({ key, name: "Holiday/Été/a.jpg" })).toBe("Holiday/Été/a.jpg");
  expect([nameOf({ key }), nameOf({ key, name: "" }), nameOf({ key, name: key })]).toEqual([
    "a.jpg",
    "a.jpg",
    "a.jpg",
  ]);
  expect(lastPart("Holiday/Été/a.jpg")).toBe("a.jpg");
});
