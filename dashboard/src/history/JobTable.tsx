import { EllipsisVertical, MessageCircleQuestion, Pencil, Trash2 } from "lucide-react";
import { useMemo } from "react";
import { useJobDetails } from "../api/queries";
import { formatCount, formatDuration, formatExactTime, formatTime, plural } from "../domain/format";
import { kindWords, runTimeOf, titleOf } from "../domain/jobs";
import { isFinal, type JobSummary } from "../domain/types";
import { jobPath, Link } from "../state/router";
import type { Sorting } from "../state/view";
import { Menu } from "../ui/Menu";
import { SortableTable, type Column } from "../ui/SortableTable";
import { StatusBadge, statusWords } from "../ui/StatusBadge";
import { sortJobs, type SortColumn } from "./arrange";
import "./JobTable.css";

const columns: (Column & { id: SortColumn | "pick" | "menu" })[] = [
  { id: "pick", title: "Selected", hidden: true },
  { id: "job", title: "Job", sorts: "rising" },
  { id: "status", title: "Status", sorts: "rising" },
  { id: "photos", title: "Photos", sorts: "falling" },
  { id: "model", title: "Model", sorts: "rising" },
  { id: "started", title: "Started", sorts: "rising" },
  { id: "took", title: "Took", sorts: "falling" },
  { id: "menu", title: "Actions", hidden: true },
];

const rowHeight = 61;

export interface Actions {
  picked: ReadonlySet<string>; // ids
  onPick: (job: JobSummary) => void;
  onRename: (job: JobSummary) => void;
  onDelete: (job: JobSummary) => void;
  onAgain: (job: JobSummary) => void;
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
              : [
                  {
                    label: "Ask again with other labels",
                    icon: MessageCircleQuestion,
                    onSelect: () => actions.onAgain(job),
                  },
                  { label: "Delete", icon: Trash2, onSelect: () => actions.onDelete(job) },
                ]),
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
  const sorted = useMemo(() => sortJobs(jobs, sort), [jobs, sort]);
  return (
    <SortableTable
      columns={columns}
      lines={sorted}
      idOf={({ job_id }) => job_id}
      sorting={sort}
      onSorting={onSort}
      className="jobs"
      rowHeight={rowHeight}
      cells={(job) => <Cells job={job} actions={actions} />}
    />
  );
}
