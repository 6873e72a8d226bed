import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Ban } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { cancelJob, sentenceOf } from "../api/client";
import { recentImages, useRecentResults } from "../api/queries";
import type { JobDetails, JobState } from "../domain/types";
import { Button } from "../ui/Button";
import { Bar } from "../ui/Fields";
import { formatCount, formatPercent, formatTimeLeft, plural } from "../domain/format";
import { Thumbnail } from "../ui/Picture";
import { tell, tellProblem } from "../ui/toast";
import { createPace } from "./pace";
import { labelOf, scoreOf } from "../domain/results";
import "./Groups.css";
import "./Live.css";

// Recent images per second, and the time left at that rate.
function usePace(done: number, total: number) {
  const pace = useRef(createPace());
  const [now, setNow] = useState({ perSecond: 0, msLeft: NaN });
  useEffect(() => setNow(pace.current(performance.now(), done, total)), [done, total]);
  return now;
}

function Recent({ job, done, threshold }: { job: string; done: number; threshold: number }) {
  // Not at every image: thumbnails would change faster than anybody can look. Nor only once images stop
  // arriving, so further ones do not restart the timer.
  const [seen, setSeen] = useState(done);
  const latest = useRef(done);
  useEffect(() => {
    latest.current = done;
  }, [done]);
  const behind = seen !== done;
  useEffect(() => {
    if (!behind) return;
    const timer = setTimeout(() => setSeen(latest.current), seen === 0 ? 0 : 1_000);
    return () => clearTimeout(timer);
  }, [behind, seen]);
  const recent = useRecentResults(job, seen).data;
  // Without a connection the last answer stays.
  const [kept, setKept] = useState(recent);
  if (recent && recent !== kept) setKept(recent);
  if (!kept || kept.length === 0) return null;
  return (
    <section className="card">
      <header className="card-head">
        <h2>Just finished</h2>
      </header>
      <ul className="tiles">
        {kept.slice(0, recentImages).map((row) => {
          const label = labelOf(row, threshold);
          return (
            <li key={row.index} className="mini">
              <Thumbnail image={row.key} alt={row.name} />
              <span className="mini-label" dir="auto" title={row.error || label}>
                {label || "failed"}
              </span>
              <span className="mini-score">{label ? formatPercent(scoreOf(row)) : ""}</span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

interface Props {
  state: JobState;
  details: JobDetails | undefined;
  live: boolean;
}

export function Live({ state, details, live }: Props) {
  const client = useQueryClient();
  const pace = usePace(state.done, state.total);
  const cancel = useMutation({
    mutationFn: () => cancelJob(state.job_id),
    onSuccess: (next) => {
      client.setQueryData(["status", state.job_id], next);
      tell("Job cancelled", `The results of ${plural(next.done, "photo")} are kept.`);
    },
    onError: (error) => {
      tellProblem("The job could not be cancelled", sentenceOf(error));
      void client.invalidateQueries({ queryKey: ["status", state.job_id] });
    },
  });
  const part = state.total > 0 ? state.done / state.total : 0;
  return (
    <>
      <section className="card live" aria-label="Progress">
        <div className="live-head">
          <p className="live-number">
            <strong>{formatCount(state.done)}</strong> of {plural(state.total, "photo")}
          </p>
          <Button icon={Ban} busy={cancel.isPending} onClick={() => cancel.mutate()}>
            Cancel
          </Button>
        </div>
        <Bar value={part} label="Photos classified" />
        <p className="hint" role="status">
          {[
            `${Math.floor(part * 100)}%`,
            pace.perSecond > 0 ? `${formatCount(Math.round(pace.perSecond))} photos a second` : "",
            state.done > 0 ? formatTimeLeft(pace.msLeft) : "waiting for its turn",
            state.failed > 0 ? `${formatCount(state.failed)} failed so far` : "",
            live ? "" : "reconnecting…",
          ]
            .filter(Boolean)
            .join(" · ")}
        </p>
      </section>
      <Recent job={state.job_id} done={state.done} threshold={details?.confidence_threshold ?? 0} />
    </>
  );
}
