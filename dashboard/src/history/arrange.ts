// Which of the loaded jobs are shown.
import type { JobSummary } from "../domain/types";
import { formatTime } from "../domain/format";
import { statusWords } from "../ui/StatusBadge";

export const kindWords = (job: JobSummary): string =>
  job.job_type === "custom_classification" ? "Your categories" : "ImageNet classes";

export const durationOf = (job: JobSummary): number =>
  job.completed_at ? Date.parse(job.completed_at) - Date.parse(job.created_at) : NaN;

// `labels`: the categories of jobs, by id, as far as they are known.
export function searchJobs(
  jobs: readonly JobSummary[],
  text: string,
  labels: ReadonlyMap<string, readonly string[]>,
): JobSummary[] {
  const wanted = text.trim().toLocaleLowerCase();
  if (wanted === "") return [...jobs];
  return jobs.filter((job) =>
    [
      job.job_id,
      job.model,
      statusWords(job.status),
      kindWords(job),
      formatTime(job.created_at),
      ...(labels.get(job.job_id) ?? []),
    ].some((field) => field.toLocaleLowerCase().includes(wanted)),
  );
}
