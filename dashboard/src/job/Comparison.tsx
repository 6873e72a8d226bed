import { ArrowLeftRight, ArrowRight, SearchX, X } from "lucide-react";
import { useDeferredValue, useEffect, useMemo, useRef } from "react";
import { ApiError } from "../api/client";
import { useJobDetails, useResults, type Results as Data } from "../api/queries";
import {
  changesOf,
  compareRows,
  formatDelta,
  notClassified,
  type Change,
  type Pair,
} from "../domain/compare";
import { formatCount, plural } from "../domain/format";
import { titleOf } from "../domain/jobs";
import { labelOf, scoreOf, type Row } from "../domain/results";
import { matcher } from "../domain/search";
import type { JobDetails } from "../domain/types";
import { closeLayer, jobPath, Link, openLayer, useView } from "../state/router";
import { pathOf, writeView } from "../state/view";
import { Button } from "../ui/Button";
import { SearchField, ThresholdSlider } from "../ui/Fields";
import { Predictions, Preview } from "../ui/Preview";
import { EmptyState, ErrorState, Loading, Notice } from "../ui/States";
import { CompareTable, type ComparedLine, type CompareHandle } from "./CompareTable";
import { useSettling } from "./useSettling";
import { jobView } from "./view";
import "./Comparison.css";
import "./Results.css";

// Which photos are listed, beside a change from one label to another.
const kinds = ["(changed)", "(same)", "(here)", "(there)"] as const;

interface CountsProps {
  counts: Record<(typeof kinds)[number], number>;
  titles: [string, string];
  chosen: string;
  onChoose: (kind: string) => void;
}

function Counts({ counts, titles, chosen, onChoose }: CountsProps) {
  const names: Record<(typeof kinds)[number], string> = {
    "(changed)": "Another label",
    "(same)": "Same label",
    "(here)": `Only in ${titles[0]}`,
    "(there)": `Only in ${titles[1]}`,
  };
  return (
    <ul className="compare-counts">
      {kinds.map((kind) => (
        <li key={kind}>
          <button
            type="button"
            aria-pressed={chosen === kind}
            onClick={() => onChoose(chosen === kind ? "" : kind)}
          >
            <bdi>{names[kind]}</bdi>
            <strong>{formatCount(counts[kind])}</strong>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Changes({
  changes,
  chosen,
  onChoose,
}: {
  changes: readonly Change[];
  chosen: string;
  onChoose: (id: string) => void;
}) {
  return (
    <table className="compare-changes">
      <caption className="visually-hidden">Changes from one label to another</caption>
      <colgroup>
        <col />
        <col className="compare-count" />
      </colgroup>
      <thead className="visually-hidden">
        <tr>
          <th scope="col">Change</th>
          <th scope="col">Photos</th>
        </tr>
      </thead>
      <tbody>
        {changes.map(({ id, from, to, count }) => (
          <tr key={id} className={id === chosen ? "chosen" : ""}>
            <td>
              <button
                type="button"
                aria-pressed={id === chosen}
                onClick={() => onChoose(id === chosen ? "" : id)}
              >
                <bdi>{from}</bdi>
                <ArrowRight size={14} role="img" aria-label="to" />
                <bdi>{to}</bdi>
              </button>
            </td>
            <td>{formatCount(count)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const single = (row: Row, side: "here" | "there", threshold: number): ComparedLine => {
  const found = {
    label: labelOf(row, threshold) || notClassified,
    score: scoreOf(row),
  };
  return { key: row.key, row, [side]: found, delta: "" };
};

const paired = ({ key, here, there, from, to, isChanged, delta }: Pair): ComparedLine => ({
  key,
  row: here,
  here: { label: from, score: scoreOf(here) },
  there: { label: to, score: scoreOf(there) },
  isChanged,
  delta: formatDelta(delta),
});

interface Props {
  details: JobDetails;
  results: Data;
}

function Compared({
  details,
  results,
  other,
  otherResults,
}: Props & { other: JobDetails; otherResults: Data }) {
  const [view, setView] = useView(jobView);
  const own = details.confidence_threshold;
  const [threshold, setThreshold] = useSettling(view.t ?? own, (t) =>
    setView({ t: t === own ? undefined : t }),
  );
  const used = useDeferredValue(threshold);
  const wanted = useDeferredValue(view.q);
  const list = useRef<CompareHandle>(null);
  const here = results.rows;
  const there = otherResults.rows;
  const { pairs, onlyHere, onlyThere } = useMemo(
    () => compareRows(here, there, used),
    [here, there, used],
  );
  const changes = useMemo(() => changesOf(pairs), [pairs]);
  const changed = useMemo(() => pairs.filter(({ isChanged }) => isChanged), [pairs]);
  const { change } = view;
  const lines = useMemo(() => {
    const all =
      change === "(here)"
        ? onlyHere.map((row) => single(row, "here", used))
        : change === "(there)"
          ? onlyThere.map((row) => single(row, "there", used))
          : change === "(same)"
            ? pairs.filter(({ isChanged }) => !isChanged).map(paired)
            : change === "(changed)"
              ? changed.map(paired)
              : change === ""
                ? pairs.map(paired)
                : withChange(changed, changes, change).map(paired);
    const matches = matcher(wanted);
    return wanted === ""
      ? all
      : all.filter((line) =>
          matches(line.row.name, line.here?.label ?? "", line.there?.label ?? ""),
        );
  }, [change, onlyHere, onlyThere, pairs, changed, changes, used, wanted]);

  const titles: [string, string] = [
    titleOf(details),
    titleOf(other) === titleOf(details) ? `the other ${titleOf(other)}` : titleOf(other),
  ];
  const mine = view.photo ? here.find(({ key }) => key === view.photo) : undefined;
  const theirs = view.photo ? there.find(({ key }) => key === view.photo) : undefined;
  const current = mine ?? theirs;
  const place = current ? lines.findIndex(({ key }) => key === current.key) : -1;
  const looked = useRef("");
  useEffect(() => {
    if (current) looked.current = current.key;
    else if (looked.current) {
      list.current?.reveal(looked.current);
      looked.current = "";
    }
  }, [current]);

  const complete = results.complete && otherResults.complete;
  if (complete && pairs.length === 0) {
    return (
      <EmptyState icon={SearchX} title="No photo in common">
        <p>These two jobs ran on different photos, so there is nothing to compare.</p>
      </EmptyState>
    );
  }
  return (
    <div className="result">
      <div className="result-side">
        <section className="card" aria-label="Comparison">
          <Counts
            counts={{
              "(changed)": changed.length,
              "(same)": pairs.length - changed.length,
              "(here)": onlyHere.length,
              "(there)": onlyThere.length,
            }}
            titles={titles}
            chosen={change}
            onChoose={(next) => setView({ change: next })}
          />
          <ThresholdSlider value={threshold} onChange={setThreshold} hint="For both jobs." />
        </section>
        {changes.length > 0 && (
          <section className="card" aria-labelledby="changes-title">
            <header className="card-head">
              <h2 id="changes-title">Changes</h2>
              <span className="hint">{formatCount(changes.length)}</span>
            </header>
            <Changes
              changes={changes}
              chosen={change}
              onChoose={(next) => setView({ change: next })}
            />
          </section>
        )}
      </div>
      <div className="result-list">
        <div className="list-head">
          <h2>
            <span role="status">
              {plural(lines.length, "photo")}
              {lines.length < pairs.length && ` of ${formatCount(pairs.length)} in both`}
              {complete ? "" : ", loading more…"}
            </span>
          </h2>
        </div>
        <div className="toolbar sticky">
          <SearchField
            label="Search names and labels"
            value={view.q}
            onChange={(q) => setView({ q })}
          />
          {(change || view.q) && (
            <Button look="quiet" icon={X} onClick={() => setView({ change: "", q: "" })}>
              Show all
            </Button>
          )}
        </div>
        {lines.length === 0 ? (
          <EmptyState icon={SearchX} title="No photo matches" />
        ) : (
          <CompareTable
            ref={list}
            lines={lines}
            complete={complete}
            heads={titles}
            onOpen={(key) => openLayer(writeView(jobView, { photo: key }))}
          />
        )}
      </div>
      {current && (
        <Preview
          image={current.key}
          name={current.name}
          index={Math.max(0, place)}
          count={place >= 0 ? lines.length : 1}
          onIndex={(index) => setView({ photo: lines[index]?.key ?? "" })}
          onClose={() => closeLayer({ photo: "" })}
        >
          {mine && (
            <>
              <h3>{titles[0]}</h3>
              <Predictions row={mine} threshold={used} />
            </>
          )}
          {theirs && (
            <>
              <h3>{titles[1]}</h3>
              <Predictions row={theirs} threshold={used} />
            </>
          )}
          {mine && theirs && (
            <p className="hint">
              Change of confidence: {formatDelta(scoreOf(theirs) - scoreOf(mine))}
            </p>
          )}
          <p className="hint mono">
            <bdi>{current.key}</bdi>
          </p>
        </Preview>
      )}
    </div>
  );
}

const withChange = (pairs: readonly Pair[], changes: readonly Change[], id: string): Pair[] => {
  const wanted = changes.find((each) => each.id === id);
  return pairs.filter(({ from, to }) => from === wanted?.from && to === wanted.to);
};

// The result of this job beside that of another one.
export function Comparison({ details, results, other }: Props & { other: string }) {
  const otherDetails = useJobDetails(other);
  const otherResults = useResults(other);
  const error = otherDetails.error ?? otherResults.error;
  const away = error instanceof ApiError && error.kind === "missing";
  return (
    <>
      <Notice
        icon={ArrowLeftRight}
        action={
          <span className="buttons">
            <Link
              href={pathOf(jobPath(other), jobView, { with: details.job_id })}
              className="button plain"
            >
              Swap
            </Link>
            <Link href={jobPath(details.job_id)} className="button plain">
              End comparison
            </Link>
          </span>
        }
      >
        Compared with{" "}
        <Link href={jobPath(other)}>
          <bdi>{otherDetails.data ? titleOf(otherDetails.data) : "another job"}</bdi>
        </Link>
        {otherDetails.data &&
          `, ${plural(otherDetails.data.total, "photo")} with ${otherDetails.data.model}`}
        : what changed from this job to that one.
      </Notice>
      {away && (
        <EmptyState icon={SearchX} title="The other job is gone">
          <p>It may have been deleted, or it may still be running.</p>
        </EmptyState>
      )}
      {error && !away && (
        <ErrorState
          error={error}
          onRetry={() => {
            void otherDetails.refetch();
            void otherResults.refetch();
          }}
        />
      )}
      {!error && !(otherDetails.data && otherResults.data) && (
        <Loading what="the other result" shape="page" />
      )}
      {!error && otherDetails.data && otherResults.data && (
        <Compared
          details={details}
          results={results}
          other={otherDetails.data}
          otherResults={otherResults.data}
        />
      )}
    </>
  );
}
