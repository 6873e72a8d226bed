// Labels of stored images, as a job found them.
import { useMemo } from "react";
import { useJobDetails, useJobs, useResults } from "../api/queries";
import type { JobSummary } from "../domain/types";
import { labelOf } from "../domain/results";

const noJobs: JobSummary[] = [];
const noFilter = { status: "completed", job_type: "" };

// Jobs that have results, newest first. Requested when the page is opened and when one returns to it:
// every 30 s they would be most of what an idle gallery transfers.
export function useFinishedJobs(): readonly JobSummary[] {
  const jobs = useJobs(noFilter, false);
  return jobs.data?.pages[0]?.jobs ?? noJobs;
}

const mostJobs = 10;
const mostPhotos = 5_000; // the result of a larger job is too much to fetch for one photo

// The jobs in which to look for an image: the chosen one, then the newest.
export function useJobsToAsk(chosen: string): string[] {
  const jobs = useFinishedJobs();
  return useMemo(() => {
    const small = jobs.filter(({ num_images }) => num_images <= mostPhotos);
    const newest = small.slice(0, mostJobs).map(({ job_id }) => job_id);
    return chosen ? [chosen, ...newest.filter((job) => job !== chosen)] : newest;
  }, [jobs, chosen]);
}

// The result of a larger job is too much to fetch for labels; its own page shows them.
export const mostLabelled = 50_000;

// Key to label; undefined while no job is chosen or its results are loading, or where it is too large.
export function useLabels(job: string): ReadonlyMap<string, string> | undefined {
  const details = useJobDetails(job);
  const results = useResults(job, job !== "" && (details.data?.total ?? Infinity) <= mostLabelled);
  const threshold = details.data?.confidence_threshold;
  const rows = job ? results.data?.rows : undefined;
  return useMemo(() => {
    if (!rows || threshold === undefined) return undefined;
    return new Map(rows.map((row) => [row.key, labelOf(row, threshold) || "failed"]));
  }, [rows, threshold]);
}

export function countLabels(
  labels: ReadonlyMap<string, string>,
): { label: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const label of labels.values()) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts]
    .map(([label, count]) => ({ label, count }))
    .sort((a, b) => b.count - a.count || a.label.localeCompare(b.label));
}
