import { useCallback, useImperativeHandle, type ReactNode, type Ref } from "react";
import { nextSorting, type Sorting } from "../state/view";
import { SortHeader } from "./SortHeader";
import { useWindowRows } from "./windowRows";
import "./SortableTable.css";

export interface Column {
  id: string;
  title: string;
  sorts?: "rising" | "falling"; // the first order of a click; without it no click sorts
  hidden?: boolean; // the title is for screen readers only
}

export interface TableHandle {
  reveal: (index: number) => void; // scrolls to this line
}

interface Props<Line> {
  columns: readonly Column[];
  lines: readonly Line[]; // in the order of `sorting`
  idOf: (line: Line) => string | number;
  sorting?: Sorting | null;
  onSorting?: (next: Sorting | null) => void; // where columns sort
  className: string;
  rowHeight: number; // in pixels
  cells: (line: Line) => ReactNode;
  ref?: Ref<TableHandle>;
}

// A long table that scrolls with the window; only the rows in view are drawn.
export function SortableTable<Line>({
  columns,
  lines,
  idOf,
  sorting = null,
  onSorting,
  className,
  rowHeight,
  cells,
  ref: handle,
}: Props<Line>) {
  const count = lines.length;
  const rowsFor = useCallback(() => ({ count, height: () => rowHeight }), [count, rowHeight]);
  const { ref, top, virtualizer } = useWindowRows(rowsFor);
  useImperativeHandle(
    handle,
    () => ({ reveal: (index) => virtualizer.scrollToIndex(index, { align: "auto" }) }),
    [virtualizer],
  );
  const items = virtualizer.getVirtualItems();
  const before = (items[0]?.start ?? top) - top;
  const after = virtualizer.getTotalSize() - ((items.at(-1)?.end ?? top) - top);
  return (
    <div className="table-frame">
      <table className={`table ${className}`} aria-rowcount={count + 1}>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map(({ id, title, sorts, hidden }) =>
              sorts ? (
                <SortHeader
                  key={id}
                  className={`cell-${id}`}
                  title={title}
                  sorted={sorting?.column === id && (sorting.falling ? "desc" : "asc")}
                  onSort={() => onSorting?.(nextSorting(sorting, id, sorts === "falling"))}
                />
              ) : (
                <th key={id} scope="col" className={`cell-${id}`}>
                  <bdi className={hidden ? "visually-hidden" : ""} title={title}>
                    {title}
                  </bdi>
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody ref={ref}>
          {before > 0 && (
            <tr aria-hidden>
              <td style={{ height: before }} />
            </tr>
          )}
          {items.map((item) => {
            const line = lines[item.index];
            return (
              line && (
                <tr key={idOf(line)} aria-rowindex={item.index + 2} style={{ height: rowHeight }}>
                  {cells(line)}
                </tr>
              )
            );
          })}
          {after > 0 && (
            <tr aria-hidden>
              <td style={{ height: after }} />
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}
