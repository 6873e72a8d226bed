import { expect, test } from "vitest";
import type { JobSummary } from "../domain/types";
import { durationOf, searchJobs } from "./arrange";

const job = (job_id: string, extra: Partial<JobSummary> = {}): JobSummary => ({
  job_id,
  status: "completed",
  job_type: "image_classification",
  model: "mobilenet_v2",
  created_at: "2026-01-31T12:00:00Z",
  num_images: 3,
  done: 3,
  failed: 0,
  ...extra,
});

test("searches id, model, kind, status, date and categories", () => {
  const jobs = [
    job("aaa"),
    job("bbb", { job_type: "custom_classification", model: "clip", status: "failed" }),
  ];
  const labels = new Map([["bbb", ["receipt", "Beach"]]]);
  const found = (text: string) => searchJobs(jobs, text, labels).map(({ job_id }) => job_id);
  expect(found("beach")).toEqual(["bbb"]);
  expect(found("failed")).toEqual(["bbb"]);
  expect(found("done")).toEqual(["aaa"]);
  expect(found("BB")).toEqual(["bbb"]);
  expect(found("mobile")).toEqual(["aaa"]);
  expect(found("your cat")).toEqual(["bbb"]);
  expect(found("31 Jan")).toEqual(["aaa", "bbb"]);
  expect(found(" ")).toEqual(["aaa", "bbb"]);
});

test("a running job has no duration yet", () => {
  expect(durationOf(job("a"))).toBeNaN();
  expect(durationOf(job("a", { completed_at: "2026-01-31T12:00:02.5Z" }))).toBe(2500);
});
