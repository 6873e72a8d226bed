import { expect, test } from "vitest";
import {
  nextSorting,
  numberIn,
  oneOf,
  optionalNumberIn,
  pathOf,
  readView,
  sorting,
  text,
  writeView,
} from "./view";

const params = {
  q: text,
  order: oneOf(["newest", "name"], "newest"),
  t: optionalNumberIn(0, 1),
  size: numberIn(1, 3, 2),
  sort: sorting(["photo", "label"]),
};

test("an address without parameters has the defaults", () => {
  expect(readView(params, "")).toEqual({
    q: "",
    order: "newest",
    t: undefined,
    size: 2,
    sort: null,
  });
});

test("what is unusable is the default", () => {
  expect(readView(params, "?order=colour&t=7&size=x&sort=-weight")).toEqual(readView(params, ""));
  expect(readView(params, "?t=%20&size=")).toEqual(readView(params, ""));
});

test("what was written is read", () => {
  const values = {
    q: "a&b=ü",
    order: "name",
    t: 0,
    size: 3,
    sort: { column: "label", falling: true },
  } as const;
  const path = pathOf("/", params, values);
  expect(path).toBe("/?q=a%26b%3D%C3%BC&order=name&t=0&size=3&sort=-label");
  expect(readView(params, path.slice(1))).toEqual(values);
});

test("defaults are left out", () => {
  expect(writeView(params, { q: "", order: "newest", size: 2, sort: null })).toEqual({
    q: "",
    order: "",
    size: "",
    sort: "",
  });
  expect(pathOf("/job/1", params, { order: "newest" })).toBe("/job/1");
});

test("clicks on a column go through its two orders and back to none", () => {
  const first = nextSorting(null, "confidence", true);
  expect(first).toEqual({ column: "confidence", falling: true });
  const second = nextSorting(first, "confidence", true);
  expect(second).toEqual({ column: "confidence", falling: false });
  expect(nextSorting(second, "confidence", true)).toBeNull();
  expect(nextSorting(second, "photo", false)).toEqual({ column: "photo", falling: false });
});
