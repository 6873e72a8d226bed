// Two jobs side by side: which photos got another label, and how the confidence changed.
import { labelOf, scoreOf, type Row } from "./results";

export const notClassified = "not classified"; // in place of a label

export interface Pair {
  key: string;
  here: Row;
  there: Row;
  from: string; // label of this job
  to: string; // of the other one
  isChanged: boolean;
  delta: number; // of the confidence
}

export interface Comparison {
  pairs: Pair[]; // changed labels first, then the largest change of confidence
  onlyHere: Row[];
  onlyThere: Row[];
}

// A photo that is in a job several times counts once.
const byKey = (rows: readonly Row[]): Map<string, Row> => {
  const found = new Map<string, Row>();
  for (const row of rows) if (!found.has(row.key)) found.set(row.key, row);
  return found;
};

export function compareRows(
  here: readonly Row[],
  there: readonly Row[],
  threshold: number,
): Comparison {
  const mine = byKey(here);
  const theirs = byKey(there);
  const pairs: Pair[] = [];
  const onlyHere: Row[] = [];
  for (const [key, row] of mine) {
    const other = theirs.get(key);
    if (!other) {
      onlyHere.push(row);
      continue;
    }
    const from = labelOf(row, threshold) || notClassified;
    const to = labelOf(other, threshold) || notClassified;
    const delta = scoreOf(other) - scoreOf(row);
    pairs.push({ key, here: row, there: other, from, to, isChanged: from !== to, delta });
  }
  pairs.sort(
    (a, b) =>
      Number(b.isChanged) - Number(a.isChanged) ||
      Math.abs(b.delta) - Math.abs(a.delta) ||
      a.here.name.localeCompare(b.here.name),
  );
  return { pairs, onlyHere, onlyThere: [...theirs.values()].filter(({ key }) => !mine.has(key)) };
}

export interface Change {
  id: string; // for the address
  from: string;
  to: string;
  count: number;
}

export const changeId = (from: string, to: string): string =>
  `${encodeURIComponent(from)}>${encodeURIComponent(to)}`;

// The most frequent first.
export function changesOf(pairs: readonly Pair[]): Change[] {
  const changes = new Map<string, Change>();
  for (const { from, to, isChanged } of pairs) {
    if (!isChanged) continue;
    const id = changeId(from, to);
    const known = changes.get(id);
    if (known) known.count += 1;
    else changes.set(id, { id, from, to, count: 1 });
  }
  return [...changes.values()].sort(
    (a, b) => b.count - a.count || a.from.localeCompare(b.from) || a.to.localeCompare(b.to),
  );
}

// "+12%", "−3%", "±0%"
export function formatDelta(delta: number): string {
  const points = Math.round(Math.abs(delta) * 100);
  return `${points === 0 ? "±" : delta > 0 ? "+" : "−"}${points}%`;
}
