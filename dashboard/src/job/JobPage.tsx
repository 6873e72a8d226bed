import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleAlert, Copy, SearchX } from "lucide-react";
import { useState } from "react";
import { ApiError, retryJob, sentenceOf } from "../api/client";
import { useJobDetails, useJobState, useModels, useResults } from "../api/queries";
import { isFinal, type JobDetails, type JobState } from "../domain/types";
import { Link, useView } from "../state/router";
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
import { kindWords, runTimeOf } from "../domain/jobs";
import { StatusBadge } from "../ui/StatusBadge";
import { EmptyState, ErrorState, Loading, Notice } from "../ui/States";
import { tell, tellProblem } from "../ui/toast";
import { CompareDialog } from "./CompareDialog";
import { Comparison } from "./Comparison";
import { JobHead } from "./JobHead";
import { Live } from "./Live";
import { Results } from "./Results";
import { StarterNotice } from "../ui/StarterNotice";
import { jobView } from "./view";
import "./JobPage.css";

function Facts({ state, details }: { state: JobState; details: JobDetails | undefined }) {
  const labels = details?.custom_labels ?? [];
  const ms = runTimeOf(state);
  const reused = useResults(state.job_id, isFinal(state.status)).data?.reused ?? 0;
  return (
    <>
      <p className="page-sub facts-line">
        <StatusBadge status={state.status} />
        {details && state.name && <span>{kindWords(details)}</span>}
        <span>{plural(state.total, "photo")}</span>
        {details && (
          <span>
            with <strong>{details.model}</strong>
          </span>
        )}
        <span title={formatExactTime(state.created_at)}>{formatTime(state.created_at)}</span>
        {!Number.isNaN(ms) && <span>took {formatDuration(ms)}</span>}
        {reused > 0 && (
          <span title="The model had seen these photos before and did not look at them again.">
            {formatCount(reused)} of {formatCount(state.total)} from memory
          </span>
        )}
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
  const [{ with: other }] = useView(jobView);
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
      {results.data && other !== "" && (
        <Comparison key={other} details={details} results={results.data} other={other} />
      )}
      {results.data && other === "" && (
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
  const [comparing, setComparing] = useState(false);
  const missing = state.error instanceof ApiError && state.error.kind === "missing";
  const ended = state.data && isFinal(state.data.status);
  const model = models.data?.find(({ name }) => name === details.data?.model);
  return (
    <>
      <JobHead
        state={missing ? undefined : state.data}
        details={details.data}
        onCompare={() => setComparing(true)}
      >
        {state.data && !missing && <Facts state={state.data} details={details.data} />}
      </JobHead>
      {comparing && <CompareDialog job={id} onClose={() => setComparing(false)} />}
      {missing && <Vanished id={id} />}
      {state.isPending && <Loading what="the job" shape="page" />}
      {state.isError && !missing && !state.data && (
        <ErrorState error={state.error} onRetry={() => void state.refetch()} />
      )}
      {details.isError && !missing && state.data && (
        <ErrorState error={details.error} onRetry={() => void details.refetch()} />
      )}
      {!missing && model?.starter && details.data && (
        <StarterNotice
          model={details.data.model}
          type={details.data.job_type}
          title={`A starter model ${ended ? "ran" : "runs"} this job.`}
        />
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
