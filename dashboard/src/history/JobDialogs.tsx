import { useId, useState } from "react";
import { plural } from "../domain/format";
import { longestName, titleOf } from "../domain/jobs";
import { isFinal, type JobSummary } from "../domain/types";
import { Button } from "../ui/Button";
import { Confirm, Modal } from "../ui/Dialogs";
import { useJobChanges } from "./useJobChanges";

export function RenameDialog({ job, onClose }: { job: JobSummary; onClose: () => void }) {
  const { rename } = useJobChanges();
  const [name, setName] = useState(job.name ?? "");
  const id = useId();
  return (
    <Modal open onClose={onClose} title="Rename the job">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          rename.mutate({ job: job.job_id, name: name.trim() }, { onSuccess: onClose });
        }}
      >
        <div className="modal-text rename">
          <label htmlFor={id}>Name</label>
          <input
            id={id}
            className="input"
            dir="auto"
            maxLength={longestName}
            autoComplete="off"
            value={name}
            placeholder={titleOf({ ...job, name: "" })}
            onFocus={(event) => event.target.select()}
            onChange={(event) => setName(event.target.value)}
          />
        </div>
        <footer className="modal-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={rename.isPending}>
            Save
          </Button>
        </footer>
      </form>
    </Modal>
  );
}

// Running jobs cannot be deleted, so that they stay.
export function DeleteJobsDialog({
  jobs,
  onClose,
  onDeleted,
}: {
  jobs: readonly JobSummary[];
  onClose: () => void;
  onDeleted: () => void;
}) {
  const { remove } = useJobChanges();
  const ended = jobs.filter(({ status }) => isFinal(status));
  const running = jobs.length - ended.length;
  const [first] = ended;
  const one = ended.length === 1 && first;
  return (
    <Confirm
      open
      onClose={onClose}
      title={one ? "Delete this job?" : `Delete ${plural(ended.length, "job")}?`}
      action={one ? "Delete job" : `Delete ${plural(ended.length, "job")}`}
      busy={remove.isPending}
      onConfirm={() =>
        remove.mutate(
          ended.map(({ job_id }) => job_id),
          { onSuccess: onDeleted },
        )
      }
    >
      <p>
        {one && (
          <>
            <bdi>{titleOf(one)}</bdi>:{" "}
          </>
        )}
        {one ? "its" : "Their"} results and sorted copies are deleted. The photos themselves stay.
        This cannot be undone.
      </p>
      {running > 0 && (
        <p>{plural(running, "job still runs and stays", "jobs still run and stay")}.</p>
      )}
    </Confirm>
  );
}
