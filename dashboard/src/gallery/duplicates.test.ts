import { expect, test } from "vitest";
import { withoutGone } from "../api/search";
import type { DuplicateGroup } from "../domain/types";
import { bestWords, kindWords, sizeWords, spareKeys } from "./duplicates";

const group = (kind: DuplicateGroup["kind"], ...keys: string[]): DuplicateGroup => ({
  kind,
  reason: "the largest: 40 × 30",
  images: keys.map((key) => ({ key, name: key, size: 1_000, similarity: 1 })),
});

test("groups have words", () => {
  expect(kindWords(group("identical", "a", "b"))).toBe("2 identical files");
  expect(kindWords(group("similar", "a", "b", "c"))).toBe("3 photos that are alike");
  expect(bestWords(group("similar", "a", "b"))).toBe("The best is the largest: 40 × 30.");
  const first = { ...group("identical", "a", "b"), reason: "the files are identical: the first" };
  expect(bestWords(first)).toBe("The best is the first.");
  expect(sizeWords({ key: "a", name: "a", size: 2_000, width: 40, height: 30 })).toBe(
    "40 × 30, 2.0 kB",
  );
  expect(sizeWords({ key: "a", name: "a", size: 2_000 })).toBe("2.0 kB");
});

test("all but the first of each group are spare", () => {
  expect(spareKeys([group("similar", "a", "b", "c"), group("identical", "d", "e")])).toEqual([
    "b",
    "c",
    "e",
  ]);
});

test("groups shrink, and end with one photo", () => {
  const page = { groups: [group("similar", "a", "b", "c"), group("similar", "d", "e")], total: 9 };
  const left = withoutGone(page, new Set(["b", "d"]));
  expect(left.groups.map(({ images }) => images.map(({ key }) => key))).toEqual([["a", "c"]]);
  expect(left.total).toBe(8);
});
