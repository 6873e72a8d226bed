// The keys of the selected images. They stay selected from page to page.
import { createStore } from "./store";

export const selection = createStore<ReadonlySet<string>>(new Set());

export const clearSelection = (): void => selection.set(new Set());

export function toggle(now: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(now);
  if (!next.delete(key)) next.add(key);
  return next;
}

// `order` is the list shown. Adds everything between the two keys; if one of them is no longer shown,
// adds only `to`.
export function withRange(
  now: ReadonlySet<string>,
  order: readonly string[],
  from: string,
  to: string,
): ReadonlySet<string> {
  const next = new Set(now);
  const start = order.indexOf(from);
  const end = order.indexOf(to);
  if (start < 0 || end < 0) return next.add(to);
  for (const key of order.slice(Math.min(start, end), Math.max(start, end) + 1)) next.add(key);
  return next;
}

export function without(now: ReadonlySet<string>, gone: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...now].filter((key) => !gone.has(key)));
}
