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
import { EllipsisVertical, Pencil, Trash2 } from "lucide-react";
import { useMemo } from "react";
import { useJobDetails } from "../api/queries";
import { formatCount, formatDuration, formatExactTime, formatTime, plural } from "../domain/format";
import { kindWords, runTimeOf, titleOf } from "../domain/jobs";
import { isFinal, type JobSummary } from "../domain/types";
import { jobPath, Link } from "../state/router";
import type { Sorting } from "../state/view";
import { Menu } from "../ui/Menu";
import { SortableTable } from "../ui/SortableTable";
import { StatusBadge, statusWords } from "../ui/StatusBadge";
import "./JobTable.css";

const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { alphanumeric: sortFn_alphanumeric, basic: sortFn_basic },
});
const column = createColumnHelper<typeof features, JobSummary>();
const columns = column.columns([
  column.display({ id: "pick", header: "Selected" }),
  column.accessor(titleOf, { id: "job", header: "Job", sortFn: "alphanumeric" }),
  column.accessor("status", { header: "Status", sortFn: "alphanumeric" }),
  column.accessor("num_images", { id: "photos", header: "Photos", sortFn: "basic" }),
  column.accessor("model", { header: "Model", sortFn: "alphanumeric" }),
  column.accessor("created_at", { id: "started", header: "Started", sortFn: "basic" }),
  column.accessor((job) => runTimeOf(job) || Infinity, {
    id: "took",
    header: "Took",
    sortFn: "basic",
  }),
  column.display({ id: "menu", header: "Actions" }),
]);

const rowHeight = 61;

export interface Actions {
  picked: ReadonlySet<string>; // ids
  onPick: (job: JobSummary) => void;
  onRename: (job: JobSummary) => void;
  onDelete: (job: JobSummary) => void;
}

function Cells({ job, actions }: { job: JobSummary; actions: Actions }) {
  const running = !isFinal(job.status);
  const ms = runTimeOf(job);
  // Fetched only for rows in view, and once.
  const details = useJobDetails(job.job_id, job.job_type === "custom_classification");
  const labels = details.data?.custom_labels ?? [];
  const title = titleOf(job);
  const aside = [job.name ? kindWords(job) : "", labels.slice(0, 12).join(", ")]
    .filter(Boolean)
    .join(": ");
  return (
    <>
      <td className="cell-pick">
        <label>
          <input
            type="checkbox"
            aria-label={`Select ${title}, ${formatExactTime(job.created_at)}`}
            checked={actions.picked.has(job.job_id)}
            onChange={() => actions.onPick(job)}
          />
        </label>
      </td>
      <td className="cell-job">
        <Link href={jobPath(job.job_id)}>
          <span className="job-name">
            <bdi>{title}</bdi>{" "}
            {aside && (
              <bdi className="job-labels" title={labels.slice(0, 50).join(", ")}>
                {aside}
              </bdi>
            )}
          </span>
          <small className="mono job-code">{job.job_id}</small>
          <small className="job-when">
            {statusWords(job.status)} · {formatTime(job.created_at)} ·{" "}
            {plural(job.num_images, "photo")}
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
      <td className="cell-menu">
        <Menu
          small
          icon={EllipsisVertical}
          label={`Actions for ${title}`}
          items={[
            { label: "Rename", icon: Pencil, onSelect: () => actions.onRename(job) },
            ...(running
              ? []
              : [{ label: "Delete", icon: Trash2, onSelect: () => actions.onDelete(job) }]),
          ]}
        />
      </td>
    </>
  );
}

interface Props {
  jobs: JobSummary[];
  sort: Sorting | null;
  onSort: (sort: Sorting | null) => void;
  actions: Actions;
}

export function JobTable({ jobs, sort, onSort, actions }: Props) {
  const { column: id, falling: desc = false } = sort ?? {};
  const sorting = useMemo<SortingState>(() => (id ? [{ id, desc }] : []), [id, desc]);
  const table = useTable({
    features,
    columns,
    data: jobs,
    state: { sorting },
    onSortingChange: (change) => {
      const [first] = typeof change === "function" ? change(sorting) : change;
      onSort(first ? { column: first.id, falling: first.desc } : null);
    },
  });
  return (
    <SortableTable
      table={table}
      className="jobs"
      rowHeight={rowHeight}
      cells={(job) => <Cells job={job} actions={actions} />}
    />
  );
}
