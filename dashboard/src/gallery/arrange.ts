// Which of the stored images are shown, and in which order.
import type { StoredImage } from "../api/types";
import { displayName } from "../ui/format";

export type Order = "newest" | "oldest" | "name" | "largest";

export const orders: { value: Order; label: string }[] = [
  { value: "newest", label: "Newest first" },
  { value: "oldest", label: "Oldest first" },
  { value: "name", label: "By name" },
  { value: "largest", label: "Largest first" },
];

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const compare: Record<Order, (a: StoredImage, b: StoredImage) => number> = {
  newest: (a, b) => byText(b.last_modified, a.last_modified) || byText(a.key, b.key),
  oldest: (a, b) => byText(a.last_modified, b.last_modified) || byText(a.key, b.key),
  name: (a, b) => byText(a.key, b.key),
  largest: (a, b) => b.size - a.size || byText(a.key, b.key),
};

// `only`: keys to which the list is limited; undefined for no limit.
export function arrange(
  images: readonly StoredImage[],
  order: Order,
  text: string,
  only?: ReadonlySet<string>,
): StoredImage[] {
  const wanted = text.trim().toLocaleLowerCase();
  return images
    .filter(
      ({ key }) =>
        (!only || only.has(key)) &&
        (wanted === "" || displayName(key).toLocaleLowerCase().includes(wanted)),
    )
    .sort(compare[order]);
}

// An image in a list that changes while the image is open.
export interface Spot {
  key: string;
  index: number; // where it was
}

// Its current index; -1 where it is no longer shown.
export const indexOf = (images: readonly StoredImage[], { key, index }: Spot): number =>
  images[index]?.key === key ? index : images.findIndex((image) => image.key === key);

// The same, or the index of what has taken its place.
export const indexNear = (images: readonly StoredImage[], spot: Spot): number => {
  const index = indexOf(images, spot);
  return index >= 0 ? index : Math.max(0, Math.min(spot.index, images.length - 1));
};

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
