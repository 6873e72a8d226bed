// Headings and rows of photos as one list, so that any number can be scrolled.
import { isLabel, type Group, type Parent, type Row } from "../domain/results";

export type Line =
  | { kind: "parent"; parent: Parent; open: boolean; hidden: number }
  | { kind: "group"; group: Group; inParent: boolean; hidden: number } // hidden: photos that are not shown
  | { kind: "photos"; rows: Row[] };

export interface Arrangement {
  groups: readonly Group[];
  parents: readonly Parent[] | null; // null: groups alone
  open: ReadonlySet<string>; // names of parents
  whole: boolean; // every photo of each group, not only the first
}

const rowsAtFirst = 2;

export function linesOf({ groups, parents, open, whole }: Arrangement, columns: number): Line[] {
  const lines: Line[] = [];
  const shownOf = (rows: readonly Row[], all: boolean): number =>
    all ? rows.length : Math.min(rows.length, columns * rowsAtFirst);
  const addPhotos = (rows: readonly Row[], count: number) => {
    for (let i = 0; i < count; i += columns) {
      lines.push({ kind: "photos", rows: rows.slice(i, Math.min(i + columns, count)) });
    }
  };
  const addGroup = (group: Group, inParent: boolean) => {
    const count = shownOf(group.rows, whole);
    lines.push({ kind: "group", group, inParent, hidden: group.rows.length - count });
    addPhotos(group.rows, count);
  };
  if (!parents) {
    for (const group of groups) addGroup(group, false);
    return lines;
  }
  for (const parent of parents) {
    const [only] = parent.groups;
    if (only && isLabel(parent)) {
      addGroup(only, false);
      continue;
    }
    const isOpen = open.has(parent.name);
    const count = isOpen ? 0 : shownOf(parent.rows, false);
    lines.push({ kind: "parent", parent, open: isOpen, hidden: parent.rows.length - count });
    if (isOpen) for (const group of parent.groups) addGroup(group, true);
    else addPhotos(parent.rows, count);
  }
  return lines;
}

// All photos in the order in which they are shown, those behind "Show all" too.
export function rowsInOrder({ groups, parents, open }: Arrangement): Row[] {
  if (!parents) return groups.flatMap(({ rows }) => rows);
  return parents.flatMap((parent) =>
    open.has(parent.name) ? parent.groups.flatMap(({ rows }) => rows) : parent.rows,
  );
}

// The line that shows the row; -1 where none does.
export const lineOf = (lines: readonly Line[], index: number): number =>
  lines.findIndex((line) => line.kind === "photos" && line.rows.some((row) => row.index === index));

// The photo that an arrow key leads to from this one, across headings; undefined for other keys and at the
// ends.
export function stepInLines(
  lines: readonly Line[],
  from: number,
  pressed: string,
): number | undefined {
  const rows = lines.flatMap((line) => (line.kind === "photos" ? [line.rows] : []));
  const at = rows.findIndex((each) => each.some(({ index }) => index === from));
  const column = rows[at]?.findIndex(({ index }) => index === from) ?? -1;
  if (column < 0) return undefined;
  const inRow = (row: number) => {
    const there = rows[row] ?? [];
    return (there[column] ?? there.at(-1))?.index;
  };
  switch (pressed) {
    case "ArrowLeft":
      return (rows[at]?.[column - 1] ?? rows[at - 1]?.at(-1))?.index;
    case "ArrowRight":
      return (rows[at]?.[column + 1] ?? rows[at + 1]?.[0])?.index;
    case "ArrowUp":
      return inRow(at - 1);
    case "ArrowDown":
      return inRow(at + 1);
    default:
      return undefined;
  }
}

// Where the photo is, or where a photo near it is: of a group that shows only its first, the last of those.
export function nearestShown(
  lines: readonly Line[],
  row: Row,
): { line: number; index: number } | undefined {
  const shown = lineOf(lines, row.index);
  if (shown >= 0) return { line: shown, index: row.index };
  const head = lines.findIndex(
    (line) =>
      (line.kind === "group" && line.group.rows.includes(row)) ||
      (line.kind === "parent" && line.parent.rows.includes(row)),
  );
  if (head < 0) return undefined;
  let last = head;
  while (lines[last + 1]?.kind === "photos") last += 1;
  const line = lines[last];
  const index = line?.kind === "photos" ? line.rows.at(-1)?.index : undefined;
  return index === undefined ? undefined : { line: last, index };
}
