// The photos that the gallery shows, wherever they come from.
import type { ImageWindow, StoredImage } from "../domain/types";

export interface Library {
  total: number; // photos shown
  everything: boolean; // all of them are loaded
  at: (index: number) => StoredImage | undefined; // undefined while it loads
  find: (key: string, near: number) => number; // index among those loaded, or -1
  ensure: (from: number, to: number) => void; // these places are in view
  keys: (from: number, to: number) => string[] | Promise<string[]>; // until before `to`
}

// The windows of a catalogue that are in view.
export function windowLibrary(
  total: number,
  windows: readonly ImageWindow[],
  size: number,
  ensure: Library["ensure"],
  fetchKeys: (from: number, to: number) => Promise<string[]>,
): Library {
  const byStart = new Map(windows.map((each) => [each.offset, each.images]));
  const at = (index: number) => byStart.get(index - (index % size))?.[index % size];
  const loaded = windows.reduce((sum, { images }) => sum + images.length, 0);
  return {
    total,
    everything: loaded >= total,
    at,
    ensure,
    find: (key, near) => {
      if (at(near)?.key === key) return near;
      for (const { offset, images } of windows) {
        const place = images.findIndex((image) => image.key === key);
        if (place >= 0) return offset + place;
      }
      return -1;
    },
    keys: (from, to) => {
      const found: string[] = [];
      for (let index = from; index < to; index += 1) {
        const image = at(index);
        if (!image) return fetchKeys(from, to);
        found.push(image.key);
      }
      return found;
    },
  };
}

// Photos that are all in memory.
export const listLibrary = (images: readonly StoredImage[]): Library => ({
  total: images.length,
  everything: true,
  at: (index) => images[index],
  find: (key, near) =>
    images[near]?.key === key ? near : images.findIndex((image) => image.key === key),
  ensure: () => undefined,
  keys: (from, to) => images.slice(from, to).map(({ key }) => key),
});

// Those of the photos loaded so far that are in `only`.
export function limitedTo(library: Library, only: ReadonlySet<string>): Library {
  const images: StoredImage[] = [];
  for (let index = 0; index < library.total; index += 1) {
    const image = library.at(index);
    if (image && only.has(image.key)) images.push(image);
  }
  return { ...listLibrary(images), everything: library.everything };
}

// A photo in a list that changes while the photo has the focus.
export interface Spot {
  key: string; // empty while it was not loaded
  index: number; // where it was
}

// Its current index, or that of what has taken its place.
export function indexNear(library: Library, { key, index }: Spot): number {
  const found = key ? library.find(key, index) : -1;
  return found >= 0 ? found : Math.max(0, Math.min(index, library.total - 1));
}

// An open photo. It stays open where it is no longer among those loaded.
export interface Opened {
  index: number;
  image: StoredImage | undefined;
}

// Its current place; undefined once it is gone.
export function placeOf(library: Library, { index, image }: Opened): Opened | undefined {
  if (!image) return index < library.total ? { index, image: library.at(index) } : undefined;
  const found = library.find(image.key, index);
  if (found >= 0) return { index: found, image: library.at(found) };
  if (library.everything) return undefined;
  return { index: Math.min(index, Math.max(0, library.total - 1)), image };
}
