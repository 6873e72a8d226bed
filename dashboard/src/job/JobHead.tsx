import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Columns2, MessageCircleQuestion, Pencil, Trash2 } from "lucide-react";
import { useState, type ReactNode, type SubmitEvent } from "react";
import { ApiError, deleteJob, renameJob, sentenceOf } from "../api/client";
import { longestName, titleOf } from "../domain/jobs";
import { isFinal, type JobDetails, type JobState } from "../domain/types";
import { navigate } from "../state/router";
import { Button, IconButton } from "../ui/Button";
import { Confirm } from "../ui/Dialogs";
import { asSentence } from "../domain/format";
import { askAgain } from "../ui/askAgain";
import { tell, tellProblem } from "../ui/toast";
import "./JobHead.css";

// An older server does not know the call; the job itself is there.
const reasonOf = (error: unknown): string =>
  error instanceof ApiError && error.status === 405
    ? "This server is older than this page and cannot do that."
    : asSentence(sentenceOf(error));

interface RenameProps {
  state: JobState;
  title: string;
  onClose: () => void;
}

function Rename({ state, title, onClose }: RenameProps) {
  const client = useQueryClient();
  const [name, setName] = useState(state.name ?? "");
  const rename = useMutation({
    mutationFn: () => renameJob(state.job_id, name.trim()),
    onSuccess: (details) => {
      client.setQueryData(["job", state.job_id], details);
      client.setQueryData<JobState>(["status", state.job_id], (old) => {
        if (!old) return old;
        const unnamed = { ...old };
        delete unnamed.name;
        return details.name ? { ...unnamed, name: details.name } : unnamed;
      });
      void client.invalidateQueries({ queryKey: ["jobs"] });
      onClose();
    },
    onError: (error) => tellProblem("The job was not renamed", reasonOf(error)),
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    rename.mutate();
  };
  return (
    <form className="rename" onSubmit={submit}>
      <input
        className="input"
        aria-label="Name of the job"
        placeholder={title}
        value={name}
        maxLength={longestName}
        dir="auto"
        // It takes the place of the button that was pressed.
        // eslint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
        onFocus={(event) => event.target.select()}
        onChange={(event) => setName(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onClose();
        }}
      />
      <span className="buttons">
        <Button type="submit" look="primary" busy={rename.isPending}>
          Save
        </Button>
        <Button onClick={onClose}>Cancel</Button>
      </span>
    </form>
  );
}

function DeleteJob({ state, title, onClose }: RenameProps) {
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => deleteJob(state.job_id),
    onSuccess: () => {
      navigate("/history");
      for (const kind of ["status", "job", "result"]) {
        client.removeQueries({ queryKey: [kind, state.job_id] });
      }
      for (const kind of ["jobs", "newest jobs"]) {
        void client.invalidateQueries({ queryKey: [kind] });
      }
      tell("Job deleted");
    },
    onError: (error) => {
      tellProblem("The job was not deleted", reasonOf(error));
      void client.invalidateQueries({ queryKey: ["status", state.job_id] });
      onClose();
    },
  });
  return (
    <Confirm
      open
      onClose={onClose}
      title="Delete this job?"
      action="Delete job"
      busy={remove.isPending}
      onConfirm={() => remove.mutate()}
    >
      <p>
        <bdi>{title}</bdi>: its results go, and the copies of photos that it sorted into folders.
        The photos themselves stay. This cannot be undone.
      </p>
    </Confirm>
  );
}

interface Props {
  state: JobState | undefined;
  details: JobDetails | undefined;
  onCompare: () => void;
  children: ReactNode; // facts below the title
}

// The name of the job, and what is done with the job as a whole.
export function JobHead({ state, details, onCompare, children }: Props) {
  const [doing, setDoing] = useState<"rename" | "delete" | null>(null);
  const client = useQueryClient();
  const again = useMutation({ mutationFn: (job: string) => askAgain(client, job) });
  const title = details ? titleOf({ ...details, name: (state ?? details).name ?? "" }) : "Job";
  const close = () => setDoing(null);
  return (
    <header className="page-head">
      <div>
        <div className="job-title">
          {doing === "rename" && state ? (
            <>
              <h1 className="visually-hidden" tabIndex={-1}>
                {title}
              </h1>
              <Rename state={state} title={title} onClose={close} />
            </>
          ) : (
            <>
              <h1 tabIndex={-1}>
                <bdi>{title}</bdi>
              </h1>
              {state && details && (
                <IconButton
                  icon={Pencil}
                  size={16}
                  label="Rename this job"
                  onClick={() => setDoing("rename")}
                />
              )}
            </>
          )}
        </div>
        {children}
      </div>
      {state && details && isFinal(state.status) && (
        <div className="buttons">
          <Button
            icon={MessageCircleQuestion}
            busy={again.isPending}
            onClick={() => again.mutate(state.job_id)}
          >
            Ask again with other labels
          </Button>
          <Button icon={Columns2} onClick={onCompare}>
            Compare with…
          </Button>
          <Button icon={Trash2} onClick={() => setDoing("delete")}>
            Delete job
          </Button>
        </div>
      )}
      {doing === "delete" && state && <DeleteJob state={state} title={title} onClose={close} />}
    </header>
  );
}
