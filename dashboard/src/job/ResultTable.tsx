import { useImperativeHandle, useMemo, useRef, type Ref } from "react";
import { formatDuration, formatPercent } from "../domain/format";
import { labelOf, outcomeOf, scoreOf, type Row } from "../domain/results";
import { useRememberedScroll } from "../state/router";
import type { Sorting } from "../state/view";
import { focusWhenDrawn } from "../ui/focus";
import { NotWhole } from "../ui/NotWhole";
import { Thumbnail } from "../ui/Picture";
import { SortableTable, type TableHandle } from "../ui/SortableTable";
import type { ListHandle } from "./Groups";
import { nextSorting, type SortColumn } from "./sort";
import "./ResultTable.css";

const heads: { id: SortColumn; header: string }[] = [
  { id: "photo", header: "Photo" },
  { id: "label", header: "Label" },
  { id: "confidence", header: "Confidence" },
  { id: "next", header: "Next best" },
  { id: "time", header: "Time" },
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
  const table = useMemo(
    () => ({
      getHeaderGroups: () => [
        {
          id: "head",
          headers: heads.map(({ id, header }) => ({
            id,
            column: {
              columnDef: { header },
              getCanSort: () => true,
              getIsSorted: () =>
                sorting?.column === id && (sorting.falling ? ("desc" as const) : ("asc" as const)),
              toggleSorting: () => onSorting(nextSorting(sorting, id)),
            },
          })),
        },
      ],
      getRowModel: () => ({ rows: rows.map((row) => ({ id: String(row.index), original: row })) }),
    }),
    [rows, sorting, onSorting],
  );
  return (
    <div ref={frame}>
      <SortableTable
        ref={handle}
        table={table}
        className="results"
        rowHeight={rowHeight}
        cells={(row) => <Cells row={row} threshold={threshold} onOpen={onOpen} />}
      />
    </div>
  );
}
