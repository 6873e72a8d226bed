// The rows of a result: grouping, counting and filtering them.
import type { ImageResult, LabelGroup, PhotoPrediction, Prediction } from "./types";
import { nameOf } from "./format";
import { matcher } from "./search";

export interface Row {
  index: number; // position in the job
  key: string;
  filename: string; // unique in the job
  path: string; // as the server has it: the user's own, or empty
  name: string; // what the user called it
  predictions: Prediction[]; // falling score; empty where the image failed
  ms: number;
  error: string; // empty where the image was classified
  warning?: string; // what is missing of a classified image
}

export type Outcome = "classified" | "unknown" | "failed";

export const unknownLabel = "unknown";

// `first` is the position of the first result.
export const toRows = (results: readonly ImageResult[], first: number): Row[] =>
  results.map((result, i) => ({
    index: first + i,
    key: result.s3_key,
    filename: result.filename,
    path: result.name ?? "",
    name: nameOf({ key: result.s3_key, name: result.name }),
    predictions: result.all_predictions,
    ms: result.processing_time_ms,
    error: result.error ?? "",
    ...(result.warning ? { warning: result.warning } : {}),
  }));

// A job's result for one photo, as a row of its own.
export const rowOf = (found: PhotoPrediction): Row => ({
  index: found.index,
  key: "",
  filename: "",
  path: "",
  name: "",
  predictions: found.all_predictions,
  ms: 0,
  error: found.error ?? "",
  ...(found.warning ? { warning: found.warning } : {}),
});

export const scoreOf = (row: Row): number => row.predictions[0]?.score ?? 0;

export function outcomeOf(row: Row, threshold: number): Outcome {
  if (row.predictions.length === 0) return "failed";
  return scoreOf(row) >= threshold ? "classified" : "unknown";
}

// The label of the image at this threshold; empty where it failed.
export function labelOf(row: Row, threshold: number): string {
  const outcome = outcomeOf(row, threshold);
  if (outcome === "failed") return "";
  return outcome === "unknown" ? unknownLabel : (row.predictions[0]?.label ?? "");
}

export interface Summary {
  total: number;
  classified: number;
  unknown: number;
  failed: number;
}

export interface Group {
  label: string;
  rows: Row[]; // in the order that was asked for
}

export const rowOrders = ["sure", "unsure"] as const;
export type RowOrder = (typeof rowOrders)[number];

const compareBy: Record<RowOrder, (a: Row, b: Row) => number> = {
  sure: (a, b) => scoreOf(b) - scoreOf(a),
  unsure: (a, b) => scoreOf(a) - scoreOf(b),
};

export interface Grouping {
  summary: Summary;
  groups: Group[]; // largest first, unknown last
  failed: Row[];
}

export function group(rows: readonly Row[], threshold: number, order: RowOrder = "sure"): Grouping {
  const summary: Summary = { total: rows.length, classified: 0, unknown: 0, failed: 0 };
  const groups = new Map<string, Row[]>();
  const failed: Row[] = [];
  for (const row of rows) {
    const outcome = outcomeOf(row, threshold);
    summary[outcome] += 1;
    if (outcome === "failed") {
      failed.push(row);
      continue;
    }
    const label = labelOf(row, threshold);
    const known = groups.get(label);
    if (known) known.push(row);
    else groups.set(label, [row]);
  }
  for (const members of groups.values()) members.sort(compareBy[order]);
  const last = (label: string): number => (label === unknownLabel ? 1 : 0);
  return {
    summary,
    failed,
    groups: [...groups]
      .map(([label, members]) => ({ label, rows: members }))
      .sort(
        (a, b) =>
          last(a.label) - last(b.label) ||
          b.rows.length - a.rows.length ||
          a.label.localeCompare(b.label),
      ),
  };
}

// Labels by what they are a kind of, such as all breeds of dogs: the name of the group of each label.
export type ParentOf = ReadonlyMap<string, string>;

export const parentsOf = (groups: readonly LabelGroup[]): ParentOf =>
  new Map(groups.flatMap(({ name, labels }) => labels.map((label) => [label, name] as const)));

// A label that is in no group stands for itself, as does `unknown`.
export const parentOf = (parents: ParentOf, label: string): string => parents.get(label) ?? label;

export interface Parent {
  name: string;
  groups: Group[]; // as they were given
  rows: Row[]; // of all of them
}

// Largest first, unknown last.
export function groupParents(
  groups: readonly Group[],
  parents: ParentOf,
  order: RowOrder,
): Parent[] {
  const byName = new Map<string, Group[]>();
  for (const entry of groups) {
    const name = parentOf(parents, entry.label);
    const known = byName.get(name);
    if (known) known.push(entry);
    else byName.set(name, [entry]);
  }
  const last = (name: string): number => (name === unknownLabel ? 1 : 0);
  return [...byName]
    .map(([name, members]) => ({
      name,
      groups: members,
      rows: members.flatMap(({ rows }) => rows).sort(compareBy[order]),
    }))
    .sort(
      (a, b) =>
        last(a.name) - last(b.name) ||
        b.rows.length - a.rows.length ||
        a.name.localeCompare(b.name),
    );
}

// Without anything to open: one label, which is called as the group is.
export const isLabel = ({ name, groups }: Parent): boolean =>
  groups.length === 1 && groups[0]?.label === name;

export const failedFilter = "(failed)"; // used instead of a label

export interface RowFilter {
  label: string; // empty: any
  parent: string; // the label's group; empty: any
  text: string; // in name, label or error
  from: number; // confidence
  to: number;
}

export const everyRow: RowFilter = { label: "", parent: "", text: "", from: 0, to: 1 };

export function filterRows(
  rows: readonly Row[],
  threshold: number,
  { label, parent, text, from, to }: RowFilter,
  parents: ParentOf = new Map(),
): Row[] {
  const matches = matcher(text);
  const whole = from <= 0 && to >= 1;
  return rows.filter((row) => {
    const own = labelOf(row, threshold);
    if (label === failedFilter ? own !== "" : label !== "" && own !== label) return false;
    if (parent !== "" && (own === "" || parentOf(parents, own) !== parent)) return false;
    if (!whole && (own === "" || scoreOf(row) < from || scoreOf(row) > to)) return false;
    return text === "" || matches(row.name, own, row.error);
  });
}

// The number of images whose best score is in each of `count` equal steps from 0 to 1.
export function histogram(rows: readonly Row[], count: number): number[] {
  const bins = Array.from({ length: count }, () => 0);
  for (const row of rows) {
    if (row.predictions.length === 0) continue;
    const bin = Math.min(count - 1, Math.floor(scoreOf(row) * count));
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  return bins;
}
