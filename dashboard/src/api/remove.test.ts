import { expect, test } from "vitest";
import { ApiError } from "./client";
import { removeImages } from "./remove";

const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);

test("counts what was deleted, and keeps what failed with its reason", async () => {
  const handled: number[] = [];
  const removal = await removeImages(
    keys,
    (key) =>
      key === "k3"
        ? Promise.reject(new ApiError("server", "the disk is full", 500))
        : Promise.resolve(),
    (count) => handled.push(count),
  );
  expect(removal.gone.size).toBe(19);
  expect(removal.kept).toEqual([{ key: "k3", reason: "The disk is full." }]);
  expect(handled.at(-1)).toBe(20);
});

test("what somebody else deleted counts as deleted", async () => {
  const removal = await removeImages(
    ["a"],
    () => Promise.reject(new ApiError("missing", "there is no such image", 404)),
    () => undefined,
  );
  expect([...removal.gone]).toEqual(["a"]);
});

test("stops calling an unreachable server for the remaining images", async () => {
  let calls = 0;
  const removal = await removeImages(
    keys,
    () => {
      calls += 1;
      return Promise.reject(new ApiError("unreachable", "it is away"));
    },
    () => undefined,
  );
  expect(removal.kept).toHaveLength(20);
  expect(calls).toBeLessThan(10);
});
