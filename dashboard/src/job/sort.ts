// The order of the table, which its CSV has as well.
import { labelOf, scoreOf, type Row } from "../domain/results";
import type { Sorting } from "../state/view";

export const sortColumns = ["photo", "label", "confidence", "next", "time"] as const;
export type SortColumn = (typeof sortColumns)[number];

// Numbers in names by their value.
const words = new Intl.Collator("en", { numeric: true });

const isColumn = (column: string): column is SortColumn =>
  (sortColumns as readonly string[]).includes(column);

export function sortRows(
  rows: readonly Row[],
  threshold: number,
  sorting: Sorting | null,
): readonly Row[] {
  if (!sorting || !isColumn(sorting.column)) return rows;
  const texts: Partial<Record<SortColumn, (row: Row) => string>> = {
    photo: (row) => row.name,
    label: (row) => labelOf(row, threshold) || "\uffff",
    next: (row) => row.predictions[1]?.label ?? "",
  };
  const textOf = texts[sorting.column];
  const numberOf = (row: Row) => (sorting.column === "time" ? row.ms : scoreOf(row));
  const sign = sorting.falling ? -1 : 1;
  if (!textOf) return rows.toSorted((a, b) => sign * (numberOf(a) - numberOf(b)));
  return rows.toSorted((a, b) => sign * words.compare(textOf(a), textOf(b)));
}
