import { useQueryClient } from "@tanstack/react-query";
import { SearchX, SquareCheck } from "lucide-react";
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { sentenceOf } from "../api/client";
import { existingOf } from "../api/existing";
import { useLabelGroups, type Results as Data } from "../api/queries";
import type { JobDetails, JobState } from "../domain/types";
import { closeLayer, navigate, openLayer, useView } from "../state/router";
import { selection, selectKeys } from "../state/selection";
import { useStore } from "../state/store";
import { writeView, type Sorting } from "../state/view";
import { Button } from "../ui/Button";
import { SearchField, Segments, Select, ThresholdSlider } from "../ui/Fields";
import { formatCount, plural, wholePercent } from "../domain/format";
import { Predictions, Preview } from "../ui/Preview";
import { RangeSlider } from "../ui/RangeSlider";
import { selectPhotos, togglePhoto } from "../ui/selecting";
import { EmptyState } from "../ui/States";
import { tell, tellProblem } from "../ui/toast";
import { DeletePhotos } from "./DeletePhotos";
import { Exports } from "./Exports";
import { Failures } from "./Failures";
import { Groups, type ListHandle } from "./Groups";
import { Histogram } from "./Histogram";
import { LabelChart } from "./LabelChart";
import { rowsInOrder } from "./lines";
import { ResultTable } from "./ResultTable";
import { SelectionBar } from "./SelectionBar";
import { sortRows } from "./sort";
import { useSettling } from "./useSettling";
import { jobView } from "./view";
import {
  failedFilter,
  filterRows,
  group,
  groupParents,
  isLabel,
  labelOf,
  parentsOf,
  type Grouping,
  type Row,
  type RowOrder,
} from "../domain/results";
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

const orderOptions: { value: RowOrder; label: string }[] = [
  { value: "sure", label: "Most sure first" },
  { value: "unsure", label: "Least sure first" },
];
const manyLabels = 40; // more are shown in groups of labels
const groupMark = "group:"; // before the name of a group of labels in the menu

// What is selected of the job, and whether a click selects too. It does once something has been selected here:
// the photos that the job was started with may still be selected, and are then there to be looked at.
function useChosen(rows: readonly Row[], order: readonly Row[]) {
  const { keys } = useStore(selection);
  const chosenKeys = useMemo(
    () => [...new Set(rows.map(({ key }) => key).filter((key) => keys.has(key)))],
    [rows, keys],
  );
  const anchor = useRef<Row | null>(null);
  const [begun, setBegun] = useState(false);
  const choose = useCallback(
    (row: Row, range: boolean) => {
      const from = anchor.current && range ? order.indexOf(anchor.current) : -1;
      const to = order.indexOf(row);
      if (from >= 0 && to >= 0) {
        const between = order.slice(Math.min(from, to), Math.max(from, to) + 1);
        selectPhotos(
          between.map(({ key }) => key),
          true,
        );
      } else togglePhoto(row.key);
      anchor.current = row;
      setBegun(true);
    },
    [order],
  );
  const chooseAll = useCallback((some: readonly Row[], on: boolean) => {
    selectPhotos(
      some.map(({ key }) => key),
      on,
    );
    setBegun(true);
  }, []);
  return { keys, chosenKeys, selects: begun && chosenKeys.length > 0, choose, chooseAll };
}

interface Props {
  state: JobState;
  details: JobDetails;
  results: Data;
  retrying: boolean;
  onRetry: () => void;
}

export function Results({ state, details, results, retrying, onRetry }: Props) {
  const client = useQueryClient();
  const [view, setView] = useView(jobView);
  const own = details.confidence_threshold;
  const [threshold, setThreshold] = useSettling(view.t ?? own, (t) =>
    setView({ t: t === own ? undefined : t }),
  );
  const [range, setRange] = useSettling(`${view.from} ${view.to}`, (both) => {
    const [from = 0, to = 1] = both.split(" ").map(Number);
    setView({ from, to });
  });
  const [from = 0, to = 1] = range.split(" ").map(Number);
  const changeRange = (next: { from: number; to: number }) => setRange(`${next.from} ${next.to}`);
  // Keeps the sliders responsive while 20,000 photos are regrouped.
  const used = useDeferredValue(threshold);
  const usedRange = useDeferredValue(range);
  const wanted = useDeferredValue(view.q);
  const [deleting, setDeleting] = useState<readonly string[] | null>(null);
  const [selecting, setSelecting] = useState(false);
  const list = useRef<ListHandle>(null);

  const { rows, complete } = results;
  const { label, order } = view;
  const isCustom = details.job_type === "custom_classification";
  const labelGroups = useLabelGroups(isCustom ? "" : details.model).data;
  const parents = useMemo(() => parentsOf(labelGroups ?? []), [labelGroups]);
  const grouping = useMemo(() => group(rows, used, order), [rows, used, order]);
  // At every threshold the same, so that the page does not change its form while one is looked for.
  const isVaried = useMemo(
    () => new Set(rows.map((row) => labelOf(row, 0))).size > manyLabels,
    [rows],
  );
  const byGroup = parents.size > 0 && (view.by === "group" || (view.by === "" && isVaried));
  const allParents = useMemo(
    () => (byGroup ? groupParents(grouping.groups, parents, order) : null),
    [byGroup, grouping.groups, parents, order],
  );
  const parent = byGroup ? view.group : "";

  const nothingGrouped = grouping.groups.length === 0;
  const isTable = view.view === "table" || label === failedFilter || nothingGrouped;
  const shown = useMemo(() => {
    const [least = 0, most = 1] = usedRange.split(" ").map(Number);
    const filter = { label, parent, text: wanted, from: least, to: most };
    return filterRows(rows, used, filter, parents);
  }, [rows, used, label, parent, wanted, usedRange, parents]);
  const openGroups = view.open.join("\n");
  const arrangement = useMemo(() => {
    const { groups } = group(shown, used, order);
    // Within one group its labels are shown.
    const shownParents = byGroup && !parent && !label ? groupParents(groups, parents, order) : null;
    return {
      groups,
      parents: shownParents,
      open: new Set(openGroups.split("\n")),
      whole: label !== "" || wanted !== "",
    };
  }, [shown, used, order, byGroup, parent, label, parents, wanted, openGroups]);
  const { column, falling } = view.sort ?? { column: "", falling: false };
  const inOrder = useMemo(
    () =>
      isTable
        ? sortRows(shown, used, column ? { column, falling } : null)
        : rowsInOrder(arrangement),
    [isTable, shown, used, column, falling, arrangement],
  );

  const { keys, chosenKeys, selects, choose, chooseAll } = useChosen(rows, inOrder);

  const show = (changes: Parameters<typeof setView>[0]) => setView(changes);
  const openRow = (row: Row) => openLayer(writeView(jobView, { photo: String(row.index) }));
  const current = view.photo === "" ? undefined : rows[Number(view.photo)];
  const place = current ? inOrder.indexOf(current) : -1;
  const around = place >= 0 || !current ? inOrder : [current];

  // Back at the list, the photo that was looked at last has the focus.
  const looked = useRef<Row | undefined>(undefined);
  useEffect(() => {
    if (current) looked.current = current;
    else if (looked.current) {
      list.current?.reveal(looked.current);
      looked.current = undefined;
    }
  }, [current]);

  const takeToPhotos = async () => {
    setSelecting(true);
    try {
      const asked = [...new Set(shown.map(({ key }) => key))];
      const there = await existingOf(client, asked);
      const gone = asked.length - there.length;
      if (there.length === 0) {
        tellProblem("Nothing was selected", "All of these photos have been deleted.");
        return;
      }
      selectKeys(there);
      if (gone > 0) {
        const have = gone === 1 ? "It has" : "They have";
        tell(`${plural(gone, "photo")} left out`, `${have} been deleted since the job ran.`);
      }
      navigate("/");
    } catch (error) {
      tellProblem("The photos were not selected", sentenceOf(error));
    } finally {
      setSelecting(false);
    }
  };

  const labelOption = (name: string, count: number, inner = false) => ({
    value: name,
    label: `${inner ? "\u2003" : ""}${name} (${formatCount(count)})`,
  });
  const known = allParents
    ? allParents.flatMap((entry) =>
        isLabel(entry)
          ? [labelOption(entry.name, entry.rows.length)]
          : [
              {
                value: groupMark + entry.name,
                label: `${entry.name} (${formatCount(entry.rows.length)})`,
              },
              ...entry.groups.map((each) => labelOption(each.label, each.rows.length, true)),
            ],
      )
    : grouping.groups.map((entry) => labelOption(entry.label, entry.rows.length));
  const chosenOption = label === "" && parent !== "" ? groupMark + parent : label;
  const options = [
    { value: "", label: byGroup ? "All groups and labels" : "All labels" },
    ...known,
    ...(grouping.failed.length > 0
      ? [
          {
            value: failedFilter,
            label: `Not classified (${formatCount(grouping.failed.length)})`,
          },
        ]
      : []),
  ];
  if (!options.some(({ value }) => value === chosenOption)) {
    options.push(labelOption(label || parent, 0));
  }
  const chooseOption = (value: string) =>
    show(
      value.startsWith(groupMark) && allParents
        ? { label: "", group: value.slice(groupMark.length) }
        : { label: value, group: "" },
    );

  const canGroup = !isTable && !nothingGrouped;
  return (
    <>
      <Failures
        rows={grouping.failed}
        busy={retrying}
        onRetry={onRetry}
        onAll={() => show({ label: failedFilter, group: "" })}
      />
      <div className={`result ${nothingGrouped ? "alone" : ""}`}>
        <div className="result-side">
          <section className="card" aria-label="Summary">
            <Numbers summary={grouping.summary} state={state} />
            {!nothingGrouped && (
              <>
                <Histogram rows={rows} threshold={used} from={from} to={to} onRange={changeRange} />
                <ThresholdSlider
                  value={threshold}
                  onChange={setThreshold}
                  hint={
                    threshold !== own && (
                      <>
                        The job used {wholePercent(own)}.{" "}
                        <button
                          type="button"
                          className="text-button"
                          onClick={() => setThreshold(own)}
                        >
                          Reset
                        </button>
                      </>
                    )
                  }
                />
                <RangeSlider
                  label="Show confidence"
                  names={["Lowest confidence shown", "Highest confidence shown"]}
                  from={from}
                  to={to}
                  step={0.01}
                  show={wholePercent}
                  onChange={changeRange}
                />
              </>
            )}
          </section>
          {!nothingGrouped && (
            <section className="card" aria-labelledby="labels-title">
              <header className="card-head">
                <h2 id="labels-title">Labels</h2>
                <span className="hint">
                  {allParents && `${plural(allParents.length, "group")}, `}
                  {plural(grouping.groups.length, "label")}
                </span>
              </header>
              {parents.size > 0 && (
                <Segments
                  label="Labels by"
                  value={byGroup ? "group" : "label"}
                  options={[
                    { value: "group", label: "By group" },
                    { value: "label", label: "By label" },
                  ]}
                  onChange={(by) => show({ by, group: "" })}
                />
              )}
              <LabelChart
                groups={grouping.groups}
                parents={allParents}
                total={rows.length}
                chosen={{ label, group: parent }}
                onChoose={show}
              />
            </section>
          )}
        </div>
        <div className="result-list">
          <div className="list-head">
            <h2>
              <span role="status">
                {plural(shown.length, "photo")}
                {shown.length < rows.length && ` of ${formatCount(rows.length)}`}
                {complete ? "" : ", loading more…"}
              </span>
            </h2>
            <div className="buttons">
              <Button
                look="quiet"
                icon={SquareCheck}
                disabled={shown.length === 0}
                busy={selecting}
                onClick={() => void takeToPhotos()}
              >
                Select these
              </Button>
              <Exports
                job={state.job_id}
                details={details}
                rows={rows}
                shown={inOrder}
                threshold={used}
              />
            </div>
          </div>
          <div className="toolbar sticky">
            <SearchField
              label="Search names and labels"
              value={view.q}
              onChange={(q) => show({ q })}
            />
            <Select label="Label" value={chosenOption} options={options} onChange={chooseOption} />
            {canGroup && (
              <Select
                label="Order within groups"
                value={order}
                options={orderOptions}
                onChange={(next) => show({ order: next })}
              />
            )}
            <Segments
              label="View"
              value={isTable ? "table" : "groups"}
              options={[
                { value: "groups", label: "Groups" },
                { value: "table", label: "Table" },
              ]}
              onChange={(next) =>
                show({ view: next, ...(label === failedFilter ? { label: "" } : {}) })
              }
            />
            {chosenKeys.length > 0 && (
              <SelectionBar
                total={keys.size}
                here={chosenKeys.length}
                onDelete={() => setDeleting(chosenKeys)}
              />
            )}
          </div>
          {shown.length === 0 && (
            <EmptyState
              icon={SearchX}
              title="No photo matches"
              actions={
                <Button onClick={() => show({ q: "", label: "", group: "", from: 0, to: 1 })}>
                  Show all photos
                </Button>
              }
            >
              <p>
                No photo of this job has that label, name or confidence at a threshold of{" "}
                {wholePercent(used)}.
              </p>
            </EmptyState>
          )}
          {shown.length > 0 &&
            (isTable ? (
              <ResultTable
                ref={list}
                rows={inOrder}
                complete={complete}
                threshold={used}
                sorting={view.sort}
                onSorting={(sort: Sorting | null) => show({ sort })}
                onOpen={openRow}
              />
            ) : (
              <Groups
                ref={list}
                {...arrangement}
                complete={complete}
                byIndex={rows}
                selected={keys}
                selecting={selects}
                onSelect={choose}
                onSelectGroup={chooseAll}
                onGroup={(only, group) => show({ label: only, group })}
                onToggle={(name) =>
                  show({
                    open: view.open.includes(name)
                      ? view.open.filter((each) => each !== name)
                      : [...view.open, name],
                  })
                }
                onOpen={openRow}
              />
            ))}
        </div>
      </div>
      {current && (
        <Preview
          image={current.key}
          name={current.name}
          index={Math.max(0, place)}
          count={around.length}
          onIndex={(index) => show({ photo: String(around[index]?.index ?? "") })}
          onClose={() => closeLayer({ photo: "" })}
          selected={keys.has(current.key)}
          onToggle={() => choose(current, false)}
          onDelete={() => setDeleting([current.key])}
        >
          <h3>Predictions</h3>
          <Predictions row={current} threshold={used} />
          <p className="hint mono">
            <bdi>{current.key}</bdi>
          </p>
        </Preview>
      )}
      {deleting && <DeletePhotos keys={deleting} onClose={() => setDeleting(null)} />}
    </>
  );
}
