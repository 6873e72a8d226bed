import { expect, test } from "vitest";
import { pathOf, readView } from "../state/view";
import { jobView } from "./view";

test("groups that are open are read as they were written, whatever their names", () => {
  const open = ["dog", "crab, snail and jellyfish", "100%", "חתול"];
  const path = pathOf("/job/1", jobView, { open });
  expect(readView(jobView, path.slice(path.indexOf("?"))).open).toEqual(open);
  expect(readView(jobView, "").open).toEqual([]);
  expect(readView(jobView, "?open=%25E0%25A4").open).toEqual([]);
});
