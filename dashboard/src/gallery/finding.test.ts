import { expect, test } from "vitest";
import { shownBy } from "./finding";

const search = { q: "dog", like: "", wanted: "", possible: true, named: 3 } as const;

test("names come first, and content where no name fits", () => {
  expect(shownBy(search)).toBe("name");
  expect(shownBy({ ...search, named: 0 })).toBe("content");
  expect(shownBy({ ...search, wanted: "content" })).toBe("content");
  expect(shownBy({ ...search, named: 0, wanted: "name" })).toBe("name");
});

test("nothing is decided before it is known", () => {
  expect(shownBy({ ...search, named: undefined })).toBeUndefined();
  expect(shownBy({ ...search, named: 0, possible: undefined })).toBeUndefined();
});

test("a server that cannot search by content shows names", () => {
  const old = { ...search, possible: false, named: 0 };
  expect(shownBy(old)).toBe("name");
  expect(shownBy({ ...old, wanted: "content" })).toBe("name");
});

test("without words all photos are shown, unless they are to be like one", () => {
  expect(shownBy({ ...search, q: "", wanted: "content" })).toBe("name");
  expect(shownBy({ ...search, q: "", like: "uploads/a.jpg" })).toBe("content");
});
