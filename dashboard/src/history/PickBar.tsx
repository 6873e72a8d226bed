import { Columns2, Trash2, X } from "lucide-react";
import { plural } from "../domain/format";
import { isFinal, type JobSummary } from "../domain/types";
import { jobPath, navigate } from "../state/router";
import { pathOf, text } from "../state/view";
import { Button } from "../ui/Button";
import "./PickBar.css";

// What can be done with the selected jobs.
export function PickBar({
  jobs,
  onDelete,
  onClear,
}: {
  jobs: readonly JobSummary[];
  onDelete: () => void;
  onClear: () => void;
}) {
  const [first, second] = jobs;
  const compare = () =>
    first &&
    second &&
    navigate(pathOf(jobPath(first.job_id), { with: text }, { with: second.job_id }));
  return (
    <div className="pick-bar" role="group" aria-label="Selected jobs">
      <strong role="status">{plural(jobs.length, "job")} selected</strong>
      <Button
        icon={Columns2}
        disabled={jobs.length !== 2}
        title={jobs.length === 2 ? undefined : "Select two jobs to compare them"}
        onClick={compare}
      >
        Compare
      </Button>
      <Button
        icon={Trash2}
        disabled={!jobs.some(({ status }) => isFinal(status))}
        onClick={onDelete}
      >
        Delete
      </Button>
      <Button look="quiet" icon={X} onClick={onClear}>
        Clear
      </Button>
    </div>
  );
}
