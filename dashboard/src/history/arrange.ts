// Which of the loaded jobs are shown.
import type { JobSummary } from "../api/types";
import { formatTime } from "../ui/format";

export const kindWords = (job: JobSummary): string =>
  job.job_type === "custom_classification" ? "Your categories" : "ImageNet classes";

export const durationOf = (job: JobSummary): number =>
  job.completed_at ? Date.parse(job.completed_at) - Date.parse(job.created_at) : NaN;

export function searchJobs(jobs: readonly JobSummary[], text: string): JobSummary[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return [...jobs];
  return jobs.filter((job) =>
    [job.job_id, job.model, kindWords(job), formatTime(job.created_at)].some((field) =>
      field.toLowerCase().includes(wanted),
    ),
  );
}
