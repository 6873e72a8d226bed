// The selected photos: by their keys, or by a rule where they are too many for that. They stay selected
// from page to page.
import type { ImageFilter, Rule } from "../domain/types";
import { plural } from "../domain/format";
import { createStore } from "./store";

export interface Selection {
  keys: ReadonlySet<string>;
  rule: Rule | null; // in place of keys
}

const nothing: Selection = { keys: new Set(), rule: null };

export const selection = createStore<Selection>(nothing);

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
export function ruleOf({ order, q, folder }: ImageFilter): Rule {
  return {
    ...(q || folder ? {} : { all: true }),
    ...(q ? { q } : {}),
    ...(folder ? { folder } : {}),
    order,
  };
}

export const filterOf = ({ order = "newest", q = "", folder = "" }: Rule): ImageFilter => ({
  order,
  q,
  folder,
});

// Whether the rule selects what the filter shows.
export const covers = (rule: Rule, { q, folder }: ImageFilter): boolean =>
  rule.all === true || ((rule.q ?? "") === q && (rule.folder ?? "") === folder);

// "all 12,000 photos that match “cat” and are in “Holiday”". The count may not be known yet.
export function ruleWords({ q, folder }: Rule, count?: number): string {
  const words = [q ? `match “${q}”` : "", folder ? `are in “${folder}”` : ""].filter(Boolean);
  const photos = count === undefined ? "photos" : plural(count, "photo");
  return ["all", photos, words.length > 0 ? `that ${words.join(" and ")}` : ""]
    .filter(Boolean)
    .join(" ");
}
