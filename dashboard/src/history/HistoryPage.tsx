import {
  createColumnHelper,
  createSortedRowModel,
  rowSortingFeature,
  sortFn_alphanumeric,
  sortFn_basic,
  tableFeatures,
  useTable,
  type SortingState,
} from "@tanstack/react-table";
import { History, SearchX, Sparkles } from "lucide-react";
import { useDeferredValue, useEffect, useMemo, useState } from "react";
import { useJobDetails, useJobs, useLabelsOfJobs } from "../api/queries";
import { isFinal, jobStatuses, type JobSummary } from "../domain/types";
import { jobPath, Link, setQuery, usePlace } from "../state/router";
import { Button } from "../ui/Button";
import { SearchField, Select } from "../ui/Fields";
import { formatCount, formatDuration, formatExactTime, formatTime, plural } from "../domain/format";
import { SortableTable } from "../ui/SortableTable";
import { StatusBadge, statusWords } from "../ui/StatusBadge";
import { EmptyState, ErrorState, Loading } from "../ui/States";
import { durationOf, kindWords, searchJobs } from "./arrange";
import "./HistoryPage.css";

const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { alphanumeric: sortFn_alphanumeric, basic: sortFn_basic },
});
const column = createColumnHelper<typeof features, JobSummary>();
const columns = column.columns([
  column.accessor(kindWords, { id: "job", header: "Job", sortFn: "alphanumeric" }),
  column.accessor("status", { header: "Status", sortFn: "alphanumeric" }),
  column.accessor("num_images", { id: "photos", header: "Photos", sortFn: "basic" }),
  column.accessor("model", { header: "Model", sortFn: "alphanumeric" }),
  column.accessor("created_at", { id: "started", header: "Started", sortFn: "basic" }),
  column.accessor((job) => durationOf(job) || Infinity, {
    id: "took",
    header: "Duration",
    sortFn: "basic",
  }),
]);

const rowHeight = 61;
const noJobs: JobSummary[] = [];

function Cells({ job }: { job: JobSummary }) {
  const running = !isFinal(job.status);
  const ms = durationOf(job);
  // Fetched only for rows in view, and once.
  const details = useJobDetails(job.job_id, isCustom(job));
  const labels = details.data?.custom_labels ?? [];
  return (
    <>
      <td className="cell-job">
        <Link href={jobPath(job.job_id)}>
          <span className="job-name">
            {kindWords(job)}
            {labels.length > 0 && (
              <bdi className="job-labels" title={labels.slice(0, 50).join(", ")}>
                {labels.slice(0, 12).join(", ")}
              </bdi>
            )}
          </span>
          <small className="mono job-code">{job.job_id}</small>
          <small className="job-when">
            {formatTime(job.created_at)} · {plural(job.num_images, "photo")}
          </small>
        </Link>
      </td>
      <td className="cell-status">
        <StatusBadge status={job.status} />
      </td>
      <td className="cell-photos">
        {running
          ? `${formatCount(job.done)} of ${formatCount(job.num_images)}`
          : formatCount(job.num_images)}
        {job.failed > 0 && <small className="problem-text">{formatCount(job.failed)} failed</small>}
      </td>
      <td className="cell-model" title={job.model}>
        {job.model}
      </td>
      <td className="cell-started" title={formatExactTime(job.created_at)}>
        {formatTime(job.created_at)}
      </td>
      <td className="cell-took">{Number.isNaN(ms) ? "" : formatDuration(ms)}</td>
    </>
  );
}

interface TableProps {
  jobs: JobSummary[];
  sorting: SortingState;
  onSorting: (next: SortingState | ((now: SortingState) => SortingState)) => void;
}

function JobTable({ jobs, sorting, onSorting }: TableProps) {
  const table = useTable({
    features,
    columns,
    data: jobs,
    state: { sorting },
    onSortingChange: onSorting,
  });
  return (
    <SortableTable
      table={table}
      className="jobs"
      rowHeight={rowHeight}
      cells={(job) => <Cells job={job} />}
    />
  );
}

const mostLoadedByItself = 20_000;
const mostLabelsSearched = 100; // jobs; the list has no categories, so each takes a call
const isCustom = (job: JobSummary): boolean => job.job_type === "custom_classification";

export function HistoryPage() {
  const query = new URLSearchParams(usePlace().query);
  const status = query.get("status") ?? "";
  const type = query.get("type") ?? "";
  const text = query.get("q") ?? "";
  const wanted = useDeferredValue(text);
  const [sorting, setSorting] = useState<SortingState>([]);
  const list = useJobs({ status, job_type: type });
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  const loaded = useMemo(
    () => list.data?.pages.flatMap((page) => page.jobs) ?? noJobs,
    [list.data],
  );
  const total = list.data?.pages[0]?.total ?? 0;
  const searched = useMemo(
    () => (wanted ? loaded.filter(isCustom).slice(0, mostLabelsSearched) : noJobs),
    [loaded, wanted],
  );
  const labels = useLabelsOfJobs(searched.map(({ job_id }) => job_id));
  const shown = useMemo(() => searchJobs(loaded, wanted, labels), [loaded, wanted, labels]);

  // Searching and sorting apply to all jobs, so the rest are fetched.
  const wantsAll = (wanted !== "" || sorting.length > 0) && loaded.length < mostLoadedByItself;
  useEffect(() => {
    if (wantsAll && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [wantsAll, hasNextPage, isFetchingNextPage, fetchNextPage]);

  const filtered = status !== "" || type !== "" || text !== "";
  return (
    <>
      <header className="page-head">
        <div>
          <h1 tabIndex={-1}>History</h1>
          <p className="page-sub" role="status">
            {list.data && (total > 0 || filtered)
              ? plural(
                  total,
                  filtered && !text ? "job matches" : "job",
                  filtered && !text ? "jobs match" : "jobs",
                )
              : "\u00a0"}
          </p>
        </div>
        <Link href="/new" className="button primary">
          <Sparkles size={16} aria-hidden />
          New job
        </Link>
      </header>
      {list.isPending && <Loading what="jobs" shape="rows" />}
      {list.isError && !list.data && (
        <ErrorState error={list.error} onRetry={() => void list.refetch()} />
      )}
      {list.data && (total > 0 || filtered) && (
        <div className="toolbar sticky">
          <SearchField
            label="Search id, category, model, date"
            value={text}
            onChange={(q) => setQuery({ q })}
          />
          <Select
            label="Status"
            value={status}
            options={[
              { value: "", label: "Any status" },
              ...jobStatuses.map((value) => ({
                value,
                label: statusWords(value),
              })),
            ]}
            onChange={(value) => setQuery({ status: value })}
          />
          <Select
            label="Kind"
            value={type}
            options={[
              { value: "", label: "Any kind" },
              { value: "image_classification", label: "ImageNet classes" },
              { value: "custom_classification", label: "Your categories" },
            ]}
            onChange={(value) => setQuery({ type: value })}
          />
        </div>
      )}
      {list.data && total === 0 && !filtered && (
        <EmptyState
          icon={History}
          title="No jobs yet"
          actions={
            <Link href="/new" className="button primary">
              Start your first job
            </Link>
          }
        >
          <p>Every job you run appears here, with its results.</p>
        </EmptyState>
      )}
      {list.data && filtered && shown.length === 0 && !isFetchingNextPage && (
        <EmptyState
          icon={SearchX}
          title="No job matches"
          actions={
            <Button onClick={() => setQuery({ q: "", status: "", type: "" })}>Show all jobs</Button>
          }
        >
          {text && (
            <p>
              The search covers id, status, kind, model, date, and the categories of the newest{" "}
              {mostLabelsSearched} jobs that have them.
            </p>
          )}
        </EmptyState>
      )}
      {shown.length > 0 && <JobTable jobs={shown} sorting={sorting} onSorting={setSorting} />}
      {list.data && hasNextPage && (
        <div className="more">
          <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Load more
          </Button>
          <span className="hint">
            {formatCount(loaded.length)} of {formatCount(total)} jobs loaded
          </span>
        </div>
      )}
    </>
  );
}
