import { useImperativeHandle, useRef, type Ref } from "react";
import { formatDuration, formatPercent } from "../domain/format";
import { labelOf, outcomeOf, scoreOf, type Row } from "../domain/results";
import { useRememberedScroll } from "../state/router";
import type { Sorting } from "../state/view";
import { focusWhenDrawn } from "../ui/focus";
import { NotWhole } from "../ui/NotWhole";
import { Thumbnail } from "../ui/Picture";
import { SortableTable, type Column, type TableHandle } from "../ui/SortableTable";
import type { ListHandle } from "./Groups";
import type { SortColumn } from "./sort";
import "./ResultTable.css";

const columns: (Column & { id: SortColumn })[] = [
  { id: "photo", title: "Photo", sorts: "rising" },
  { id: "label", title: "Label", sorts: "rising" },
  { id: "confidence", title: "Confidence", sorts: "falling" },
  { id: "next", title: "Next best", sorts: "rising" },
  { id: "time", title: "Time", sorts: "falling" },
];

const rowHeight = 57;

interface CellsProps {
  row: Row;
  threshold: number;
  onOpen: (row: Row) => void;
}

function Cells({ row, threshold, onOpen }: CellsProps) {
  const label = labelOf(row, threshold);
  const outcome = outcomeOf(row, threshold);
  const next = row.predictions[1];
  return (
    <>
      <td className="cell-photo">
        <button
          type="button"
          className="cell-open"
          data-row={row.index}
          title={row.key}
          onClick={() => onOpen(row)}
        >
          <Thumbnail image={row.key} size={96} />
          <bdi>{row.name}</bdi>
        </button>
      </td>
      {outcome === "failed" ? (
        <td className="cell-label failed" colSpan={2} title={row.error}>
          <bdi>{row.error}</bdi>
        </td>
      ) : (
        <>
          <td className={`cell-label ${outcome}`} title={label}>
            <bdi>{label}</bdi> <NotWhole warning={row.warning} />
          </td>
          <td className="cell-score">
            <span className="score">
              <span className={`meter ${outcome}`} aria-hidden>
                <span style={{ width: `${scoreOf(row) * 100}%` }} />
              </span>
              {formatPercent(scoreOf(row))}
            </span>
          </td>
        </>
      )}
      <td className="cell-next">
        {next && (
          <>
            <bdi title={next.label}>{next.label}</bdi> <small>{formatPercent(next.score)}</small>
          </>
        )}
      </td>
      <td className="cell-time">
        {row.ms > 0 && (row.ms < 1 ? "< 1 ms" : formatDuration(row.ms))}
      </td>
    </>
  );
}

interface Props {
  rows: readonly Row[]; // in the order of `sorting`
  complete: boolean;
  threshold: number;
  sorting: Sorting | null;
  onSorting: (next: Sorting | null) => void;
  onOpen: (row: Row) => void;
  ref: Ref<ListHandle>;
}

export function ResultTable({ rows, complete, threshold, sorting, onSorting, onOpen, ref }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const handle = useRef<TableHandle>(null);
  useRememberedScroll(complete);
  useImperativeHandle(
    ref,
    () => ({
      reveal: (row) => {
        const at = rows.indexOf(row);
        if (at < 0) return;
        handle.current?.reveal(at);
        focusWhenDrawn(() =>
          frame.current?.querySelector<HTMLElement>(`[data-row="${row.index}"]`),
        );
      },
    }),
    [rows],
  );
  return (
    <div ref={frame}>
      <SortableTable
        ref={handle}
        columns={columns}
        lines={rows}
        idOf={({ index }) => index}
        sorting={sorting}
        onSorting={onSorting}
        className="results"
        rowHeight={rowHeight}
        cells={(row) => <Cells row={row} threshold={threshold} onOpen={onOpen} />}
      />
    </div>
  );
}
