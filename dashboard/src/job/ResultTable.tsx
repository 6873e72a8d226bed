import {
  createColumnHelper,
  createSortedRowModel,
  rowSortingFeature,
  sortFn_alphanumeric,
  sortFn_basic,
  tableFeatures,
  useTable,
  type SortingState,
} from "@tanstack/react-table";
import { useMemo, useState } from "react";
import { formatDuration, formatPercent } from "../domain/format";
import { NotWhole } from "../ui/NotWhole";
import { Thumbnail } from "../ui/Picture";
import { SortableTable } from "../ui/SortableTable";
import { labelOf, outcomeOf, scoreOf, type Outcome, type Row } from "../domain/results";
import "./ResultTable.css";

interface Line {
  row: Row;
  label: string;
  outcome: Outcome;
}

const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { alphanumeric: sortFn_alphanumeric, basic: sortFn_basic },
});
const column = createColumnHelper<typeof features, Line>();
const columns = column.columns([
  column.accessor((line) => line.row.name, {
    id: "photo",
    header: "Photo",
    sortFn: "alphanumeric",
  }),
  column.accessor((line) => line.label || "\uffff", {
    id: "label",
    header: "Label",
    sortFn: "alphanumeric",
  }),
  column.accessor((line) => scoreOf(line.row), {
    id: "confidence",
    header: "Confidence",
    sortFn: "basic",
  }),
  column.accessor((line) => line.row.predictions[1]?.label ?? "", {
    id: "next",
    header: "Next best",
    sortFn: "alphanumeric",
  }),
  column.accessor((line) => line.row.ms, { id: "time", header: "Time", sortFn: "basic" }),
]);

const rowHeight = 57;

function Cells({ line, onOpen }: { line: Line; onOpen: (row: Row) => void }) {
  const { row, label, outcome } = line;
  const next = row.predictions[1];
  return (
    <>
      <td className="cell-photo">
        <button type="button" className="cell-open" title={row.key} onClick={() => onOpen(row)}>
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
  rows: readonly Row[];
  threshold: number;
  onOpen: (row: Row, order: readonly Row[]) => void;
}

export function ResultTable({ rows, threshold, onOpen }: Props) {
  const [sorting, setSorting] = useState<SortingState>([]);
  const data = useMemo(
    () =>
      rows.map((row) => ({
        row,
        label: labelOf(row, threshold),
        outcome: outcomeOf(row, threshold),
      })),
    [rows, threshold],
  );
  const table = useTable({
    features,
    columns,
    data,
    state: { sorting },
    onSortingChange: setSorting,
  });
  const lines = table.getRowModel().rows;
  const open = (row: Row) =>
    onOpen(
      row,
      lines.map((line) => line.original.row),
    );
  return (
    <SortableTable
      table={table}
      className="results"
      rowHeight={rowHeight}
      cells={(line) => <Cells line={line} onOpen={open} />}
    />
  );
}
