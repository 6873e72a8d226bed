// Named lists of categories that are stored in this browser, and the parsing of lists that people type or
// import. Servers keep sets too, except older ones: see submit/sets.ts.
import { createPersisted } from "./store";

export interface LabelSet {
  name: string;
  labels: string[];
}

const isLabelSet = (value: unknown): value is LabelSet => {
  const { name, labels } = (value ?? {}) as Partial<LabelSet>;
  return (
    typeof name === "string" &&
    name.trim() !== "" &&
    Array.isArray(labels) &&
    labels.every((label) => typeof label === "string")
  );
};

const examples: LabelSet[] = [
  { name: "Animals", labels: ["cat", "dog", "bird", "horse", "fish", "insect"] },
  {
    name: "Vehicles",
    labels: ["car", "bus", "truck", "bicycle", "motorcycle", "boat", "airplane"],
  },
  { name: "Everyday", labels: ["person", "food", "document", "landscape", "building", "pet"] },
];

export const labelSets = createPersisted<LabelSet[]>(
  "classifier.labelSets",
  examples,
  (stored) => (Array.isArray(stored) ? stored.filter(isLabelSet) : examples),
  { followTabs: true },
);

export function saveLabelSet(name: string, labels: string[]): void {
  const set = { name: name.trim(), labels };
  labelSets.set((sets) =>
    sets.some((old) => old.name === set.name)
      ? sets.map((old) => (old.name === set.name ? set : old))
      : [...sets, set],
  );
}

// Returns a function that puts the set back where it was.
export function removeLabelSet(name: string): () => void {
  const at = labelSets.get().findIndex((set) => set.name === name);
  const removed = labelSets.get()[at];
  labelSets.set((sets) => sets.filter((set) => set.name !== name));
  return () => {
    if (!removed || labelSets.get().some((set) => set.name === name)) return;
    labelSets.set((sets) => sets.toSpliced(at, 0, removed));
  };
}

const sameLabels = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((label, i) => label === b[i]);

export const sameSet = (a: LabelSet, b: LabelSet): boolean =>
  a.name === b.name && sameLabels(a.labels, b.labels);

// One of those that every new browser has.
export const isExample = (set: LabelSet): boolean =>
  examples.some((example) => sameSet(example, set));

export interface ParsedLabels {
  labels: string[]; // trimmed, distinct, in order: as a job gets them
  empty: number; // blank entries between others
  duplicates: string[]; // left out, as first written
}

// Stricter than the server, as people expect: "Cat" and "cat " are one category.
const sameLabel = (label: string): string => label.trim().normalize("NFC").toLocaleLowerCase();

export function tidyLabels(parts: readonly string[]): ParsedLabels {
  const found = new Map<string, string>();
  const duplicates: string[] = [];
  let empty = 0;
  for (const part of parts) {
    const label = part.trim();
    if (label === "") empty += 1;
    else if (found.has(sameLabel(label))) duplicates.push(label);
    else found.set(sameLabel(label), label);
  }
  return { labels: [...found.values()], empty: found.size === 0 ? 0 : empty, duplicates };
}

// One label per line. With only one line, commas separate labels too, so that "cat, dog" works, and a
// list of lines can still have labels that contain commas.
export function parseLabels(text: string): ParsedLabels {
  const lines = text.replace(/\r\n?/g, "\n").replace(/\n+$/, "").split("\n");
  return tidyLabels(lines.length > 1 ? lines : (lines[0] ?? "").split(/[,;\t]/));
}

export const exportLabelSets = (sets: LabelSet[]): string =>
  JSON.stringify(Object.fromEntries(sets.map((set) => [set.name, set.labels])), null, 2);

// A JSON object of name to labels (as exported), a JSON list of labels, or plain text with one label
// per line. Throws an Error with a message for the user where it is none of these.
export function importLabelSets(text: string, fileName: string): LabelSet[] {
  const name = fileName.replace(/\.[^.]*$/, "") || "Imported";
  const trimmed = text.trim();
  if (trimmed === "") throw new Error(`${fileName} is empty.`);
  if (!/^[[{]/.test(trimmed)) return [{ name, labels: parseLabels(text).labels }];
  let value: unknown;
  try {
    value = JSON.parse(trimmed);
  } catch {
    throw new Error(
      `${fileName} is not valid JSON. Export a set to see the format, or use a text file with one label per line.`,
    );
  }
  const sets = Array.isArray(value)
    ? [{ name, labels: value as unknown }]
    : Object.entries(value as Record<string, unknown>).map(([key, labels]) => ({
        name: key,
        labels,
      }));
  const usable = sets.filter(isLabelSet);
  if (usable.length === 0 || usable.length < sets.length) {
    throw new Error(
      `${fileName} must contain lists of labels, such as {"Animals": ["cat", "dog"]}.`,
    );
  }
  return usable.map((set) => ({ ...set, labels: tidyLabels(set.labels).labels }));
}
