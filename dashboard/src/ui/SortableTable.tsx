import { useCallback, useImperativeHandle, type ReactNode, type Ref } from "react";
import { SortHeader } from "./SortHeader";
import { useWindowRows } from "./windowRows";
import "./SortableTable.css";

// The part used here of a TanStack table with sortable columns.
interface Sortable<Line> {
  getHeaderGroups: () => {
    id: string;
    headers: {
      id: string;
      column: {
        columnDef: { header?: unknown };
        getCanSort: () => boolean;
        getIsSorted: () => false | "asc" | "desc";
        toggleSorting: () => void;
      };
    }[];
  }[];
  getRowModel: () => { rows: { id: string; original: Line }[] };
}

export interface TableHandle {
  reveal: (index: number) => void; // scrolls to this line
}

interface Props<Line> {
  table: Sortable<Line>;
  className: string;
  rowHeight: number; // in pixels
  cells: (line: Line) => ReactNode;
  ref?: Ref<TableHandle>;
}

// A long table that scrolls with the window; only the rows in view are drawn.
export function SortableTable<Line>({
  table,
  className,
  rowHeight,
  cells,
  ref: handle,
}: Props<Line>) {
  const lines = table.getRowModel().rows;
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
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id} aria-rowindex={1}>
              {group.headers.map(({ id, column }) =>
                column.getCanSort() ? (
                  <SortHeader
                    key={id}
                    className={`cell-${id}`}
                    title={String(column.columnDef.header)}
                    sorted={column.getIsSorted()}
                    onSort={() => column.toggleSorting()}
                  />
                ) : (
                  <th key={id} scope="col" className={`cell-${id}`}>
                    <span className="visually-hidden">{String(column.columnDef.header)}</span>
                  </th>
                ),
              )}
            </tr>
          ))}
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
                <tr key={line.id} aria-rowindex={item.index + 2} style={{ height: rowHeight }}>
                  {cells(line.original)}
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
