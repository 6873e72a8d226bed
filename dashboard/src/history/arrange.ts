// Which of the loaded jobs are shown, and how many that are.
import { formatExactTime, formatTime, plural } from "../domain/format";
import { kindWords } from "../domain/jobs";
import { matcher } from "../domain/search";
import type { JobSummary } from "../domain/types";
import { statusWords } from "../ui/StatusBadge";

// `labels`: the categories of jobs, by id, as far as they are known.
export function searchJobs(
  jobs: readonly JobSummary[],
  words: string,
  labels: ReadonlyMap<string, readonly string[]>,
): JobSummary[] {
  const matches = matcher(words);
  return jobs.filter((job) =>
    matches(
      job.name ?? "",
      job.job_id,
      job.model,
      statusWords(job.status),
      kindWords(job),
      formatTime(job.created_at),
      formatExactTime(job.created_at),
      ...(labels.get(job.job_id) ?? []),
    ),
  );
}

// `total`: what the server counts for the filter; `complete`: all of those are loaded.
export function countWords(
  counts: { shown: number; total: number; complete: boolean },
  { searched, filtered }: { searched: boolean; filtered: boolean },
): string {
  const { shown, total, complete } = counts;
  if (!searched)
    return plural(total, filtered ? "job matches" : "job", filtered ? "jobs match" : "jobs");
  return `${plural(shown, "job matches", "jobs match")}${complete ? "" : " so far"}`;
}
