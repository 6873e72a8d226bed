import { describe, expect, test, vi } from "vitest";
import { indexNear, limitedTo, listLibrary, placeOf, windowLibrary } from "./library";

const size = 10;
const image = (key: string) => ({ key, size: 1, last_modified: "2026-01-01T00:00:00Z" });
const block = (offset: number, total: number, prefix = "k") => ({
  images: Array.from({ length: Math.min(size, total - offset) }, (_, i) =>
    image(`${prefix}${offset + i}`),
  ),
  total,
  offset,
  version: "1",
});
const nothing = () => undefined;
const make = (total: number, offsets: number[], fetchKeys = vi.fn()) =>
  windowLibrary(
    total,
    offsets.map((offset) => block(offset, total)),
    size,
    nothing,
    fetchKeys,
  );

describe("windows of a list", () => {
  const library = make(1_000_003, [500_000, 1_000_000]);

  test("know the photos that are loaded, by their place", () => {
    expect(library.at(500_007)?.key).toBe("k500007");
    expect(library.at(1_000_002)?.key).toBe("k1000002");
    expect([library.at(0), library.at(1_000_003), library.at(499_999)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(library.everything).toBe(false);
    expect(make(12, [0, 10]).everything).toBe(true);
  });
  test("find a photo where it was, or wherever it has moved", () => {
    expect(library.find("k500007", 500_007)).toBe(500_007);
    expect(library.find("k500007", 500_001)).toBe(500_007);
    expect(library.find("k3", 3)).toBe(-1);
  });
  test("ask for keys only where photos are not loaded", () => {
    const fetchKeys = vi.fn().mockResolvedValue(["far"]);
    const some = make(1000, [0, 10], fetchKeys);
    expect(some.keys(8, 12)).toEqual(["k8", "k9", "k10", "k11"]);
    expect(fetchKeys).not.toHaveBeenCalled();
    void some.keys(8, 30);
    expect(fetchKeys).toHaveBeenCalledWith(8, 30);
  });
  test("are limited to given keys as they load", () => {
    const only = new Set(["k1", "k11"]);
    expect(limitedTo(make(20, [0]), only)).toMatchObject({ total: 1, everything: false });
    const whole = limitedTo(make(20, [0, 10]), only);
    expect(whole).toMatchObject({ total: 2, everything: true });
    expect(whole.at(1)?.key).toBe("k11");
  });
});

describe("the focus", () => {
  const library = listLibrary(["a", "b", "c"].map(image));

  test("follows its photo", () => {
    expect(indexNear(library, { key: "c", index: 1 })).toBe(2);
  });
  test("goes to the neighbour of a photo that is gone, or to a place that loads", () => {
    expect(indexNear(library, { key: "gone", index: 1 })).toBe(1);
    expect(indexNear(library, { key: "gone", index: 9 })).toBe(2);
    expect(indexNear(listLibrary([]), { key: "gone", index: 9 })).toBe(0);
    expect(indexNear(make(100, [0]), { key: "", index: 77 })).toBe(77);
  });
});

describe("an open photo", () => {
  test("is followed when others are added before it", () => {
    const longer = listLibrary(["new", "a", "b"].map(image));
    expect(placeOf(longer, { index: 1, image: image("b") })?.index).toBe(2);
  });
  test("that was deleted is not replaced by another", () => {
    expect(placeOf(listLibrary(["a"].map(image)), { index: 0, image: image("b") })).toBeUndefined();
  });
  test("stays open where it has moved out of what is loaded", () => {
    const moved = placeOf(make(1000, [0]), { index: 9, image: image("far") });
    expect(moved).toEqual({ index: 9, image: image("far") });
  });
  test("may still be loading", () => {
    expect(placeOf(make(100, [0]), { index: 50, image: undefined })).toEqual({
      index: 50,
      image: undefined,
    });
    expect(placeOf(make(100, [0]), { index: 100, image: undefined })).toBeUndefined();
  });
});
