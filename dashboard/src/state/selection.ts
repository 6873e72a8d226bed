// The selected photos: by their keys, or by a rule where they are too many for that. They stay selected
// from page to page, and when the tab is loaded again.
import type { ImageFilter, Rule } from "../domain/types";
import { plural, uploadWords } from "../domain/format";
import { rangeOf, takenOf, takenWords } from "../domain/taken";
import { settings } from "./settings";
import { createPersisted } from "./store";

export interface Selection {
  keys: ReadonlySet<string>;
  rule: Rule | null; // in place of keys
}

const nothing: Selection = { keys: new Set(), rule: null };

interface Stored {
  backend: string; // that has the photos
  keys: string[];
  rule: Rule | null;
}

export const selection = createPersisted<Selection>(
  "classifier.selection",
  nothing,
  (stored) => {
    const { backend, keys, rule } = stored as Stored;
    if (backend !== settings.get().backend) return nothing;
    return { keys: new Set(keys), rule };
  },
  {
    storage: "session",
    write: ({ keys, rule }): Stored => ({ backend: settings.get().backend, keys: [...keys], rule }),
  },
);

// More are selected by a rule.
export const mostKeys = 10_000;

export const clearSelection = (): void => selection.set(nothing);

export const selectKeys = (keys: Iterable<string>): void =>
  selection.set({ keys: new Set(keys), rule: null });

export const selectRule = (rule: Rule): void => selection.set({ keys: new Set(), rule });

export const isEmpty = ({ keys, rule }: Selection): boolean => rule === null && keys.size === 0;

// Nothing can be taken out of a rule, so that a photo chosen after one begins a new selection.
export function toggle({ keys, rule }: Selection, key: string): Selection {
  if (rule) return { keys: new Set([key]), rule: null };
  const next = new Set(keys);
  if (!next.delete(key)) next.add(key);
  return { keys: next, rule: null };
}

export const withKeys = ({ keys }: Selection, more: Iterable<string>): Selection => ({
  keys: new Set([...keys, ...more]),
  rule: null,
});

export const without = (now: Selection, gone: ReadonlySet<string>): Selection => ({
  ...now,
  keys: new Set([...now.keys].filter((key) => !gone.has(key))),
});

// The job has the order of the list.
export const ruleOf = ({ order, q, folder, batch, taken }: ImageFilter): Rule => ({
  ...(q || folder || batch || taken ? {} : { all: true }),
  ...(q ? { q } : {}),
  ...(folder ? { folder } : {}),
  ...(batch ? { batch } : {}),
  ...rangeOf(taken),
  order,
});

export const filterOf = (rule: Rule): ImageFilter => ({
  order: rule.order ?? "newest",
  q: rule.q ?? "",
  folder: rule.folder ?? "",
  batch: rule.batch ?? "",
  taken: takenOf(rule),
});

// Whether the rule selects what the filter shows.
export function covers(rule: Rule, { q, folder, batch, taken }: ImageFilter): boolean {
  if (rule.all) return true;
  const own = filterOf(rule);
  return own.q === q && own.folder === folder && own.batch === batch && own.taken === taken;
}

// "all 12,000 photos that match “cat” and are in “Holiday”". The count may not be known yet.
export function ruleWords(rule: Rule, count?: number): string {
  const { q, folder, batch, taken } = filterOf(rule);
  const words = [
    q ? `match “${q}”` : "",
    folder ? `are in “${folder}”` : "",
    batch ? `are of “${uploadWords(batch)}”` : "",
    taken === "none" ? "have no date" : taken ? `are from ${takenWords(taken)}` : "",
  ].filter(Boolean);
  const photos = count === undefined ? "photos" : plural(count, "photo");
  return ["all", photos, words.length > 0 ? `that ${words.join(" and ")}` : ""]
    .filter(Boolean)
    .join(" ");
}
