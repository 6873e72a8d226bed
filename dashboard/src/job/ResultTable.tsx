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
import { useCallback, useMemo, useState } from "react";
import { SortHeader } from "../ui/SortHeader";
import { formatPercent } from "../ui/format";
import { Thumbnail } from "../ui/Picture";
import { useWindowRows } from "../ui/windowRows";
import { labelOf, outcomeOf, scoreOf, type Outcome, type Row } from "./results";

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
      <td className={`cell-label ${outcome}`} title={row.error || label}>
        <bdi>{outcome === "failed" ? row.error : label}</bdi>
      </td>
      <td className="cell-score">
        {outcome !== "failed" && (
          <span className="score">
            <span className={`meter ${outcome}`} aria-hidden>
              <span style={{ width: `${scoreOf(row) * 100}%` }} />
            </span>
            {formatPercent(scoreOf(row))}
          </span>
        )}
      </td>
      <td className="cell-next">
        {next && (
          <>
            <bdi title={next.label}>{next.label}</bdi> <small>{formatPercent(next.score)}</small>
          </>
        )}
      </td>
      <td className="cell-time">{row.ms > 0 ? `${Math.round(row.ms)} ms` : ""}</td>
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
  const count = lines.length;
  const rowsFor = useCallback(() => ({ count, height: () => rowHeight }), [count]);
  const { ref, top, virtualizer } = useWindowRows(rowsFor);
  const items = virtualizer.getVirtualItems();
  const before = (items[0]?.start ?? top) - top;
  const after = virtualizer.getTotalSize() - ((items.at(-1)?.end ?? top) - top);
  const open = (row: Row) =>
    onOpen(
      row,
      lines.map((line) => line.original.row),
    );
  return (
    <div className="table-frame">
      <table className="table results" aria-rowcount={count + 1}>
        <thead>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id} aria-rowindex={1}>
              {group.headers.map((header) => (
                <SortHeader
                  key={header.id}
                  className={`cell-${header.id}`}
                  title={String(header.column.columnDef.header)}
                  sorted={header.column.getIsSorted()}
                  onSort={() => header.column.toggleSorting()}
                />
              ))}
            </tr>
          ))}
        </thead>
        <tbody ref={ref}>
          {before > 0 && (
            <tr aria-hidden>
              <td colSpan={columns.length} style={{ height: before, padding: 0 }} />
            </tr>
          )}
          {items.map((item) => {
            const line = lines[item.index];
            return (
              line && (
                <tr key={line.id} aria-rowindex={item.index + 2} style={{ height: rowHeight }}>
                  <Cells line={line.original} onOpen={open} />
                </tr>
              )
            );
          })}
          {after > 0 && (
            <tr aria-hidden>
              <td colSpan={columns.length} style={{ height: after, padding: 0 }} />
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}
