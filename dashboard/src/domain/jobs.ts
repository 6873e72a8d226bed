// What a job is called, and how long it ran.
import type { JobSummary } from "./types";

export const kindWords = ({ job_type }: Pick<JobSummary, "job_type">): string =>
  job_type === "custom_classification" ? "Your categories" : "ImageNet classes";

export const titleOf = (job: Pick<JobSummary, "job_type" | "name">): string =>
  job.name || kindWords(job);

export const longestName = 200; // characters

// The time of the latest run in ms; NaN before it has ended. Without `started_at` (an older server, or a job
// from before it was kept) the time since the job was made, which is more after a retry.
export function runTimeOf({
  created_at,
  started_at,
  completed_at,
}: Pick<JobSummary, "created_at" | "started_at" | "completed_at">): number {
  if (!completed_at) return NaN;
  return Math.max(0, Date.parse(completed_at) - Date.parse(started_at ?? created_at));
}
