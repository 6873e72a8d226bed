import { expect, test } from "vitest";
import { createPace } from "./pace";

test("gives images per second and the time left", () => {
  const pace = createPace();
  expect(pace(0, 0, 1000)).toEqual({ perSecond: 0, msLeft: NaN });
  expect(pace(1000, 100, 1000)).toEqual({ perSecond: 100, msLeft: 9000 });
});

test("uses recent samples only", () => {
  const pace = createPace();
  pace(0, 0, 10_000);
  for (let second = 1; second <= 20; second += 1) pace(second * 1000, second * 10, 10_000);
  for (let second = 21; second <= 40; second += 1)
    pace(second * 1000, 200 + (second - 20) * 50, 10_000);
  expect(pace(41_000, 1250, 10_000).perSecond).toBeCloseTo(50, 0);
});

test("starts over when the job is run again", () => {
  const pace = createPace();
  pace(0, 0, 10);
  pace(1000, 10, 10);
  expect(pace(2000, 5, 10)).toEqual({ perSecond: 0, msLeft: NaN });
});
