import { expect, test } from "vitest";
import type { JobSummary } from "../domain/types";
import { countWords, searchJobs } from "./arrange";

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

test("searches names, word by word, without regard to case and accents", () => {
  const jobs = [
    job("aaa", { name: "Café in Rome" }),
    job("bbb", { name: "Rome, day 2", status: "failed" }),
  ];
  const found = (text: string) => searchJobs(jobs, text, new Map()).map(({ job_id }) => job_id);
  expect(found("rome cafe")).toEqual(["aaa"]);
  expect(found("ROME failed")).toEqual(["bbb"]);
  expect(found("2026 rome")).toEqual(["aaa", "bbb"]);
  expect(found("!")).toEqual([]);
});

test("what is counted is what is shown", () => {
  const all = { searched: false, filtered: false };
  const counts = { shown: 100, total: 1_009, complete: false };
  expect(countWords(counts, all)).toBe("1,009 jobs");
  expect(countWords(counts, { ...all, filtered: true })).toBe("1,009 jobs match");
  const searched = { searched: true, filtered: true };
  expect(countWords({ ...counts, shown: 1 }, searched)).toBe("1 job matches so far");
  expect(countWords({ shown: 0, total: 1_009, complete: true }, searched)).toBe("0 jobs match");
});
