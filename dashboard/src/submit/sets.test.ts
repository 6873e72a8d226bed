import { expect, test } from "vitest";
import { isOnServer, namesake, shownSets, toMove } from "./sets";

const stored = (name: string, ...labels: string[]) => ({
  name,
  labels,
  updated_at: "2026-01-31T12:00:00Z",
  version: "1",
});
const animals = { name: "Animals", labels: ["cat", "dog", "bird", "horse", "fish", "insect"] };
const mine = { name: "Mine", labels: ["receipt"] };

test("an older server keeps no sets, so that those of the browser are all there are", () => {
  expect(shownSets(null, [animals, mine])).toEqual([animals, mine]);
  expect(toMove(null, [animals, mine])).toEqual([]);
  expect(namesake(" Mine ", null, [mine])).toBe(mine);
});

test("the user's own sets are offered for moving, examples are not", () => {
  expect(toMove([], [animals, mine])).toEqual([mine]);
  expect(shownSets([], [animals, mine])).toEqual([animals, mine]);
  // An example that was changed is the user's own.
  const changed = { ...animals, labels: ["cat"] };
  expect(toMove([], [changed])).toEqual([changed]);
});

test("a set that both have is shown once, and not offered", () => {
  const server = [stored("Mine", "receipt"), stored("Animals", "zebra")];
  expect(shownSets(server, [animals, mine])).toEqual(server);
  expect(toMove(server, [mine])).toEqual([]);
});

test("two sets of one name are both shown, and told apart", () => {
  const server = [stored("Mine", "invoice")];
  expect(shownSets(server, [mine]).map(isOnServer)).toEqual([true, false]);
  expect(toMove(server, [mine])).toEqual([mine]);
  expect(namesake("Mine", server, [mine])).toBe(server[0]);
  expect(namesake("Mine", [], [mine])).toBeUndefined();
});
