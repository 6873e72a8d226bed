import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleAlert, Copy, SearchX, TriangleAlert } from "lucide-react";
import { ApiError, retryJob, sentenceOf } from "../api/client";
import { useJobDetails, useJobState, useModels, useResults } from "../api/queries";
import { isFinal, type JobDetails, type JobState } from "../domain/types";
import { Link } from "../state/router";
import { backendAddress, settings, switchBackend } from "../state/settings";
import { useStore } from "../state/store";
import { copy } from "../ui/browser";
import { Button, IconButton } from "../ui/Button";
import {
  asSentence,
  formatCount,
  formatDuration,
  formatExactTime,
  formatTime,
  plural,
} from "../domain/format";
import { StatusBadge } from "../ui/StatusBadge";
import { EmptyState, ErrorState, Loading, Notice } from "../ui/States";
import { tell, tellProblem } from "../ui/toast";
import { Live } from "./Live";
import { Results } from "./Results";
import "./JobPage.css";

const titleOf = (details: JobDetails | undefined): string => {
  if (!details) return "Job";
  return details.job_type === "custom_classification" ? "Your categories" : "ImageNet classes";
};

function Facts({ state, details }: { state: JobState; details: JobDetails | undefined }) {
  const labels = details?.custom_labels ?? [];
  const ms = state.completed_at ? Date.parse(state.completed_at) - Date.parse(state.created_at) : 0;
  return (
    <>
      <p className="page-sub facts-line">
        <StatusBadge status={state.status} />
        <span>{plural(state.total, "photo")}</span>
        {details && (
          <span>
            with <strong>{details.model}</strong>
          </span>
        )}
        <span title={formatExactTime(state.created_at)}>{formatTime(state.created_at)}</span>
        {state.completed_at && <span>took {formatDuration(ms)}</span>}
        <span className="job-id">
          <code title={state.job_id}>{state.job_id}</code>
          <IconButton
            icon={Copy}
            size={14}
            label="Copy job ID"
            onClick={() => void copy(state.job_id, "ID")}
          />
        </span>
      </p>
      {labels.length > 0 && (
        <ul className="chips plain" aria-label="Categories of this job">
          {labels.slice(0, 12).map((label) => (
            <li key={label} className="chip">
              <bdi title={label}>{label}</bdi>
            </li>
          ))}
          {labels.length > 12 && (
            <li className="hint">and {formatCount(labels.length - 12)} more</li>
          )}
        </ul>
      )}
    </>
  );
}

function Finished({ state, details }: { state: JobState; details: JobDetails }) {
  const client = useQueryClient();
  const results = useResults(state.job_id);
  const retry = useMutation({
    mutationFn: () => retryJob(state.job_id),
    onSuccess: (next) => {
      client.setQueryData(["status", state.job_id], next);
      client.removeQueries({ queryKey: ["result", state.job_id] });
      tell("Running again", `${plural(next.total - next.done, "photo")} to go.`);
    },
    onError: (error) => tellProblem("The photos could not be run again", sentenceOf(error)),
  });
  return (
    <>
      {state.status !== "completed" && (
        <Notice icon={CircleAlert} tone={state.status === "failed" ? "problem" : "warning"}>
          <strong>
            {state.status === "failed" ? "This job failed." : "This job was cancelled."}
          </strong>{" "}
          {asSentence(state.error ?? "")}{" "}
          {state.done > state.failed && "Its results so far are below."}
        </Notice>
      )}
      {results.isError && (
        <ErrorState error={results.error} onRetry={() => void results.refetch()} />
      )}
      {results.isPending && <Loading what="the result" shape="page" />}
      {results.data && (
        <Results
          state={state}
          details={details}
          results={results.data}
          retrying={retry.isPending}
          onRetry={() => retry.mutate()}
        />
      )}
    </>
  );
}

function Vanished({ id }: { id: string }) {
  const { backend, keys } = useStore(settings);
  return (
    <EmptyState
      icon={SearchX}
      title="Job not found"
      actions={
        <>
          <Link href="/history" className="button primary">
            See all jobs
          </Link>
          <Link href="/new" className="button plain">
            Start a new one
          </Link>
          {backend && (
            <Button onClick={() => switchBackend("", keys[""] ?? "")}>
              Look on {location.host}
            </Button>
          )}
        </>
      }
    >
      <p>
        {backendAddress()} has no job <code>{id}</code>. It may have been removed, or it may belong
        to another backend.
      </p>
    </EmptyState>
  );
}

export function JobPage({ id }: { id: string }) {
  const state = useJobState(id);
  const details = useJobDetails(id);
  const models = useModels();
  const missing = state.error instanceof ApiError && state.error.kind === "missing";
  const ended = state.data && isFinal(state.data.status);
  const model = models.data?.find(({ name }) => name === details.data?.model);
  return (
    <>
      <header className="page-head">
        <div>
          <h1 tabIndex={-1}>{titleOf(details.data)}</h1>
          {state.data && !missing && <Facts state={state.data} details={details.data} />}
        </div>
      </header>
      {missing && <Vanished id={id} />}
      {state.isPending && <Loading what="the job" shape="page" />}
      {state.isError && !missing && !state.data && (
        <ErrorState error={state.error} onRetry={() => void state.refetch()} />
      )}
      {details.isError && !missing && state.data && (
        <ErrorState error={details.error} onRetry={() => void details.refetch()} />
      )}
      {!missing && model?.starter && details.data && (
        <Notice icon={TriangleAlert} tone="warning">
          <strong>A starter model {ended ? "ran" : "runs"} this job.</strong>{" "}
          {details.data.job_type === "custom_classification"
            ? "Expect lower confidence than with CLIP."
            : "It stands in for MobileNetV2."}{" "}
          <Link href="/new">What to do about it</Link>
        </Notice>
      )}
      {state.data && !missing && !ended && (
        <Live state={state.data} details={details.data} live={state.live} />
      )}
      {state.data && !missing && ended && details.data && (
        <Finished key={id} state={state.data} details={details.data} />
      )}
    </>
  );
}
