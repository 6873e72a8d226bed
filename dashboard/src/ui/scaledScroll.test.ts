import { describe, expect, test } from "vitest";
import { elementAt, moved, scaleOf, tallest } from "./scaledScroll";

const view = 900;

test("a list that fits is scrolled pixel by pixel", () => {
  const scale = scaleOf(50_000, view);
  expect(scale.element).toBe(50_000);
  for (const to of [-40, 0, 300, 30_000, 49_100, 49_160]) {
    expect(moved(scale, { element: 100, list: 100 }, to)).toEqual({ element: to, list: to });
    expect(elementAt(scale, to)).toBe(to);
  }
});

describe("a list that is too tall", () => {
  const scale = scaleOf(40_000_000, view);

  test("has an element of the tallest height", () => {
    expect(scale.element).toBe(tallest);
  });
  test("moves by as many pixels as a wheel does", () => {
    const start = { element: 1_000_000, list: 2_666_000 };
    expect(moved(scale, start, 1_000_120)).toEqual({ element: 1_000_120, list: 2_666_120 });
    expect(moved(scale, start, 999_880)).toEqual({ element: 999_880, list: 2_665_880 });
  });
  test("jumps in proportion", () => {
    const { list } = moved(scale, { element: 0, list: 0 }, (tallest - view) / 2);
    expect(list).toBeCloseTo((40_000_000 - view) / 2);
  });
  test("shows its first and last rows at the ends, however one gets there", () => {
    expect(moved(scale, { element: 100, list: 500 }, 0).list).toBe(0);
    expect(moved(scale, { element: 100, list: 500 }, -60).list).toBe(-60);
    const end = tallest - view;
    expect(moved(scale, { element: end - 100, list: 39_000_000 }, end).list).toBe(
      40_000_000 - view,
    );
    expect(moved(scale, { element: end, list: 40_000_000 - view }, end + 60).list).toBe(
      40_000_000 - view + 60,
    );
  });
  test("never leaves the list by small steps", () => {
    // Near the end of the list, far from the end of the element.
    const near = { element: tallest - 50_000, list: 40_000_000 - view - 10 };
    expect(moved(scale, near, tallest - 49_900).list).toBeLessThan(40_000_000 - view);
    expect(moved(scale, { element: 50_000, list: 10 }, 49_900).list).toBeGreaterThan(0);
  });
  test("each place in the list has one in the element", () => {
    for (const list of [-30, 0, 1, 20_000_000, 40_000_000 - view, 40_000_000 - view + 40]) {
      const element = elementAt(scale, list);
      // A jump from elsewhere.
      expect(moved(scale, { element: element + 9_999_999, list: 0 }, element).list).toBeCloseTo(
        list,
        3,
      );
    }
  });
});
