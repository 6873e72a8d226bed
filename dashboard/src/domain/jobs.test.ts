import { expect, test } from "vitest";
import { runTimeOf, titleOf } from "./jobs";

test("a job ran from the beginning of its latest run, not since it was made", () => {
  const created_at = "2026-01-31T12:00:00.000Z";
  const completed_at = "2026-01-31T12:02:24.000Z";
  const started_at = "2026-01-31T12:02:10.000Z";
  expect(runTimeOf({ created_at, started_at, completed_at })).toBe(14_000);
  expect(runTimeOf({ created_at, completed_at })).toBe(144_000);
  expect(runTimeOf({ created_at, started_at })).toBeNaN();
});

test("a job without a name is called by its kind", () => {
  expect(titleOf({ job_type: "image_classification" })).toBe("ImageNet classes");
  expect(titleOf({ job_type: "custom_classification", name: "" })).toBe("Your categories");
  expect(titleOf({ job_type: "custom_classification", name: "Pets" })).toBe("Pets");
});
