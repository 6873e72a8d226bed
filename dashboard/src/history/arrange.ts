// Which of the loaded jobs are shown, and how many that are.
import { formatExactTime, formatTime, plural } from "../domain/format";
import { kindWords, runTimeOf, titleOf } from "../domain/jobs";
import { matcher } from "../domain/search";
import type { JobSummary } from "../domain/types";
import type { Sorting } from "../state/view";
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

export const sortColumns = ["job", "status", "photos", "model", "started", "took"] as const;
export type SortColumn = (typeof sortColumns)[number];

const byWords = new Intl.Collator("en", { numeric: true });
const compare: Record<SortColumn, (a: JobSummary, b: JobSummary) => number> = {
  job: (a, b) => byWords.compare(titleOf(a), titleOf(b)),
  status: (a, b) => byWords.compare(statusWords(a.status), statusWords(b.status)),
  photos: (a, b) => a.num_images - b.num_images,
  model: (a, b) => byWords.compare(a.model, b.model),
  started: (a, b) => Date.parse(a.created_at) - Date.parse(b.created_at),
  // Those that have not ended are the longest.
  took: (a, b) => (runTimeOf(a) || Number.MAX_VALUE) - (runTimeOf(b) || Number.MAX_VALUE),
};

export function sortJobs(jobs: readonly JobSummary[], sort: Sorting | null): readonly JobSummary[] {
  const column = sortColumns.find((each) => each === sort?.column);
  if (!column) return jobs;
  const sign = sort?.falling ? -1 : 1;
  return jobs.toSorted((a, b) => sign * compare[column](a, b));
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
