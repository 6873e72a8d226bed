// In which order photos are shown, and how the keyboard moves between them.
import type { Order, StoredImage } from "./types";
import { matcher } from "./search";
import { nameOf } from "./format";

export const orders: { value: Order; label: string }[] = [
  { value: "newest", label: "Newest first" },
  { value: "oldest", label: "Oldest first" },
  { value: "name", label: "By name" },
  { value: "taken", label: "By date taken" },
  { value: "size", label: "Largest first" },
];

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

type Compare = (a: StoredImage, b: StoredImage) => number;
const newest: Compare = (a, b) => byText(b.last_modified, a.last_modified) || byText(a.key, b.key);

const compare: Record<Order, Compare> = {
  newest,
  oldest: (a, b) => byText(a.last_modified, b.last_modified) || byText(a.key, b.key),
  name: (a, b) => byText(a.key, b.key),
  taken: newest, // only a catalogue knows when a photo was taken
  size: (a, b) => b.size - a.size || byText(a.key, b.key),
};

// For a backend without a catalogue.
export function arrange(images: readonly StoredImage[], order: Order, text: string): StoredImage[] {
  const matches = matcher(text);
  return images.filter((image) => matches(nameOf(image))).sort(compare[order]);
}

// The tile that a key press moves to in a grid; undefined for other keys.
export function stepInGrid(
  pressed: string,
  from: number,
  columns: number,
  count: number,
  rowsInView: number,
): number | undefined {
  const steps: Record<string, number> = {
    ArrowLeft: from - 1,
    ArrowRight: from + 1,
    ArrowUp: from - columns >= 0 ? from - columns : from,
    ArrowDown: from + columns < count ? from + columns : from,
    PageUp: from - columns * rowsInView,
    PageDown: from + columns * rowsInView,
    Home: 0,
    End: count - 1,
  };
  const to = steps[pressed];
  return to === undefined ? undefined : Math.min(Math.max(to, 0), count - 1);
}
