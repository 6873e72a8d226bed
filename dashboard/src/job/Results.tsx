import { SearchX, SquareCheck } from "lucide-react";
import { useDeferredValue, useEffect, useMemo, useState } from "react";
import type { Results as Data } from "../api/queries";
import type { JobDetails, JobState } from "../domain/types";
import { navigate, setQuery, usePlace } from "../state/router";
import { selectKeys } from "../state/selection";
import { Button } from "../ui/Button";
import { SearchField, Segments, Select, Slider } from "../ui/Fields";
import { formatCount, plural } from "../domain/format";
import { Predictions, Preview } from "../ui/Preview";
import { EmptyState } from "../ui/States";
import { Exports } from "./Exports";
import { Failures } from "./Failures";
import { Groups } from "./Groups";
import { Histogram } from "./Histogram";
import { LabelChart } from "./LabelChart";
import { ResultTable } from "./ResultTable";
import { failedFilter, filterRows, group, type Grouping, type Row } from "../domain/results";
import "./Results.css";

function Numbers({ summary, state }: { summary: Grouping["summary"]; state: JobState }) {
  const notDone = Math.max(0, state.total - state.done);
  const entries = [
    { name: "Photos", value: summary.total, tone: "" },
    { name: "Classified", value: summary.classified, tone: "good" },
    { name: "Unknown", value: summary.unknown, tone: "" },
    { name: "Failed", value: Math.max(0, summary.failed - notDone), tone: "bad" },
    ...(notDone > 0 ? [{ name: "Not run", value: notDone, tone: "" }] : []),
  ];
  return (
    <dl className="numbers">
      {entries.map(({ name, value, tone }) => (
        <div key={name} className={value > 0 ? tone : "none"}>
          <dt>{name}</dt>
          <dd>{formatCount(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

// The threshold of the page, initially from the URL or the job. It is written to the URL with a delay,
// because a browser rejects hundreds of changes while the slider moves.
function useThreshold(own: number): [number, (threshold: number) => void] {
  const [threshold, setThreshold] = useState(() => {
    const given = Number.parseFloat(new URLSearchParams(location.search).get("t") ?? "");
    return given >= 0 && given <= 1 ? given : own;
  });
  useEffect(() => {
    const timer = setTimeout(
      () => setQuery({ t: threshold === own ? "" : String(threshold) }),
      400,
    );
    return () => clearTimeout(timer);
  }, [threshold, own]);
  return [threshold, setThreshold];
}

interface Props {
  state: JobState;
  details: JobDetails;
  results: Data;
  retrying: boolean;
  onRetry: () => void;
}

export function Results({ state, details, results, retrying, onRetry }: Props) {
  const query = new URLSearchParams(usePlace().query);
  const label = query.get("label") ?? "";
  const text = query.get("q") ?? "";
  const [threshold, setThreshold] = useThreshold(details.confidence_threshold);
  // Keeps the slider responsive while 20,000 images are regrouped.
  const used = useDeferredValue(threshold);
  const wanted = useDeferredValue(text);
  const [open, setOpen] = useState<{ order: readonly Row[]; index: number } | null>(null);

  const { rows } = results;
  const grouping = useMemo(() => group(rows, used), [rows, used]);
  const nothingGrouped = grouping.groups.length === 0;
  const view =
    query.get("view") === "table" || label === failedFilter || nothingGrouped ? "table" : "groups";
  const shown = useMemo(() => filterRows(rows, used, label, wanted), [rows, used, label, wanted]);
  const shownGroups = useMemo(() => group(shown, used).groups, [shown, used]);

  const openRow = (row: Row, order: readonly Row[]) =>
    setOpen({ order, index: order.indexOf(row) });
  const choose = (next: string) => setQuery({ label: next });
  const current = open?.order[open.index];
  return (
    <>
      <div className={`result-head ${nothingGrouped ? "alone" : ""}`}>
        <section className="card" aria-label="Summary">
          <Numbers summary={grouping.summary} state={state} />
          {!nothingGrouped && (
            <>
              <Histogram rows={rows} threshold={used} />
              <Slider
                label="Confidence threshold"
                value={threshold}
                min={0}
                max={1}
                step={0.01}
                show={(value) => `${Math.round(value * 100)}%`}
                onChange={setThreshold}
                hint={
                  threshold === details.confidence_threshold ? (
                    "Move the slider to regroup; nothing runs again."
                  ) : (
                    <>
                      The job used {Math.round(details.confidence_threshold * 100)}%.{" "}
                      <button
                        type="button"
                        className="text-button"
                        onClick={() => setThreshold(details.confidence_threshold)}
                      >
                        Reset
                      </button>
                    </>
                  )
                }
              />
            </>
          )}
        </section>
        {!nothingGrouped && (
          <section className="card" aria-labelledby="labels-title">
            <header className="card-head">
              <h2 id="labels-title">Labels</h2>
              <span className="hint">{plural(grouping.groups.length, "label")}</span>
            </header>
            <LabelChart
              groups={grouping.groups}
              total={rows.length}
              chosen={label}
              onChoose={choose}
            />
          </section>
        )}
      </div>
      <Failures
        rows={grouping.failed}
        busy={retrying}
        onRetry={onRetry}
        onAll={() => choose(failedFilter)}
      />
      <div className="list-head">
        <h2>
          <span role="status">
            {plural(shown.length, "photo")}
            {shown.length < rows.length && ` of ${formatCount(rows.length)}`}
            {results.complete ? "" : ", loading more…"}
          </span>
        </h2>
        <div className="buttons">
          <Button
            look="quiet"
            icon={SquareCheck}
            disabled={shown.length === 0}
            onClick={() => {
              selectKeys(shown.map(({ key }) => key));
              navigate("/");
            }}
          >
            Select these
          </Button>
          <Exports
            job={state.job_id}
            details={details}
            rows={rows}
            shown={shown}
            threshold={used}
          />
        </div>
      </div>
      <div className="toolbar sticky">
        <SearchField
          label="Search names and labels"
          value={text}
          onChange={(q) => setQuery({ q })}
        />
        <Select
          label="Label"
          value={label}
          options={[
            { value: "", label: "All labels" },
            ...grouping.groups.map((entry) => ({
              value: entry.label,
              label: `${entry.label} (${formatCount(entry.rows.length)})`,
            })),
            ...(grouping.failed.length > 0
              ? [
                  {
                    value: failedFilter,
                    label: `Not classified (${formatCount(grouping.failed.length)})`,
                  },
                ]
              : []),
            ...(label &&
            label !== failedFilter &&
            !grouping.groups.some((entry) => entry.label === label)
              ? [{ value: label, label: `${label} (0)` }]
              : []),
          ]}
          onChange={choose}
        />
        <Segments
          label="View"
          value={view}
          options={[
            { value: "groups", label: "Groups" },
            { value: "table", label: "Table" },
          ]}
          onChange={(next) =>
            setQuery({
              view: next === "table" ? next : "",
              ...(label === failedFilter ? { label: "" } : {}),
            })
          }
        />
      </div>
      {shown.length === 0 && (
        <EmptyState
          icon={SearchX}
          title="No photo matches"
          actions={<Button onClick={() => setQuery({ q: "", label: "" })}>Show all photos</Button>}
        >
          <p>No photo of this job has that label or name at {Math.round(used * 100)}%.</p>
        </EmptyState>
      )}
      {shown.length > 0 &&
        (view === "table" ? (
          <ResultTable rows={shown} threshold={used} onOpen={openRow} />
        ) : (
          <Groups
            groups={shownGroups}
            whole={label !== "" || wanted !== ""}
            onChoose={choose}
            onOpen={(row) =>
              openRow(
                row,
                shownGroups.flatMap((entry) => entry.rows),
              )
            }
          />
        ))}
      {open && current && (
        <Preview
          image={current.key}
          name={current.name}
          index={open.index}
          count={open.order.length}
          onIndex={(index) => setOpen({ ...open, index })}
          onClose={() => setOpen(null)}
        >
          <h3>Predictions</h3>
          <Predictions row={current} threshold={used} />
          <p className="hint mono">
            <bdi>{current.key}</bdi>
          </p>
        </Preview>
      )}
    </>
  );
}
