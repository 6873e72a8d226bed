// The folders of the users' names.
import type { Folder } from "../domain/types";
import { folderOf, lastPart } from "../domain/format";
import { matcher } from "../domain/search";

// Photos in each folder or below it.
export function countBelow(folders: readonly Folder[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { folder, images } of folders) {
    for (let at = folder; at !== ""; at = folderOf(at)) {
      counts.set(at, (counts.get(at) ?? 0) + images);
    }
  }
  return counts;
}

const byName = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

export type FolderOrder = "name" | "photos";

export interface FolderEntry {
  folder: string;
  count: number; // photos in it or below it
  hasFolders: boolean;
}

function entriesOf(
  counts: ReadonlyMap<string, number>,
  order: FolderOrder,
  isShown: (folder: string) => boolean,
): FolderEntry[] {
  const parents = new Set([...counts.keys()].map(folderOf));
  return [...counts]
    .filter(([folder]) => isShown(folder))
    .map(([folder, count]) => ({ folder, count, hasFolders: parents.has(folder) }))
    .sort(
      (a, b) =>
        (order === "photos" ? b.count - a.count : 0) ||
        byName.compare(lastPart(a.folder), lastPart(b.folder)) ||
        byName.compare(a.folder, b.folder),
    );
}

// Those directly in `above`, "" for the topmost ones.
export const foldersIn = (
  counts: ReadonlyMap<string, number>,
  above: string,
  order: FolderOrder,
): FolderEntry[] => entriesOf(counts, order, (folder) => folderOf(folder) === above);

// Those whose own name has the words, at any depth.
export function searchFolders(
  counts: ReadonlyMap<string, number>,
  words: string,
  order: FolderOrder,
): FolderEntry[] {
  const matches = matcher(words);
  return entriesOf(counts, order, (folder) => matches(lastPart(folder)));
}
