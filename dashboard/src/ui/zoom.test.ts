import { describe, expect, test } from "vitest";
import { bounded, fitted, fullScale, mostScale, whole, zoomedTo } from "./zoom";

const frame = { width: 800, height: 600 };
const tall = { width: 3000, height: 4000 };
const small = { width: 100, height: 50 };

test("the whole picture fits, and small ones are not enlarged", () => {
  expect(fitted(tall, frame)).toEqual({ width: 450, height: 600 });
  expect(fitted(small, frame)).toEqual(small);
});

describe("zooming", () => {
  test("keeps what is under the pointer", () => {
    const at = { x: 100, y: 200 };
    const zoomed = zoomedTo(whole, 4, at, tall, frame);
    // The place of the picture under the pointer, in its own coordinates, before and after.
    expect((at.x - zoomed.x) / zoomed.scale).toBeCloseTo(at.x - whole.x);
    expect((at.y - zoomed.y) / zoomed.scale).toBeCloseTo(at.y - whole.y);
  });

  test("ends at the whole picture and at four times its pixels", () => {
    expect(zoomedTo(whole, 0.2, { x: 90, y: 0 }, tall, frame)).toEqual(whole);
    const most = mostScale(tall, frame);
    expect(most).toBeCloseTo((4 * 3000) / 450);
    expect(zoomedTo(whole, 1000, { x: 0, y: 0 }, tall, frame).scale).toBe(most);
    expect(mostScale(small, frame)).toBe(4);
  });

  test("back to the whole picture centres it, wherever it was", () => {
    const moved = bounded({ scale: 3, x: 500, y: -500 }, tall, frame);
    expect(zoomedTo(moved, 1, { x: -300, y: 200 }, tall, frame)).toEqual(whole);
  });
});

test("no edge comes into the frame", () => {
  // 900 × 1200 in a frame of 800 × 600.
  expect(bounded({ scale: 2, x: 999, y: -999 }, tall, frame)).toEqual({ scale: 2, x: 50, y: -300 });
  expect(bounded({ scale: 1, x: 10, y: 10 }, tall, frame)).toEqual(whole);
});

test("full size is at least twice as large as at rest", () => {
  expect(fullScale(tall, frame)).toBeCloseTo(3000 / 450);
  expect(fullScale(small, frame)).toBe(2);
});
