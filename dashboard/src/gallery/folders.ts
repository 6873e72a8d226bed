// The folders of the users' names, as choices of a menu.
import type { Folder } from "../domain/types";
import { formatCount } from "../domain/format";

interface Choice {
  value: string;
  label: string;
}

const mostAtOnce = 200; // more are shown level by level

const parentOf = (folder: string): string => folder.slice(0, Math.max(0, folder.lastIndexOf("/")));
const depthOf = (folder: string): number => folder.split("/").length;

// Photos in each folder or below it.
export function countBelow(folders: readonly Folder[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { folder, images } of folders) {
    for (let at = folder; at !== ""; at = parentOf(at)) {
      counts.set(at, (counts.get(at) ?? 0) + images);
    }
  }
  return counts;
}

const byName = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
const inOrder = (a: string, b: string): number => {
  const left = a.split("/");
  const right = b.split("/");
  const at = left.findIndex((part, i) => part !== right[i]);
  return at < 0 ? left.length - right.length : byName.compare(left[at] ?? "", right[at] ?? "");
};

// All folders; of very many, only the chosen one with those above and directly below it.
export function folderChoices(folders: readonly Folder[], chosen: string): Choice[] {
  const counts = countBelow(folders);
  let shown = [...counts.keys()];
  if (shown.length > mostAtOnce) {
    shown = shown.filter(
      (folder) =>
        parentOf(folder) === chosen || folder === chosen || chosen.startsWith(`${folder}/`),
    );
  }
  if (chosen && !counts.has(chosen)) shown.push(chosen);
  return shown.sort(inOrder).map((folder) => ({
    value: folder,
    // Leading blanks are not shown in a menu, except these.
    label: `${"\u2003".repeat(depthOf(folder) - 1)}${folder.slice(folder.lastIndexOf("/") + 1)} (${formatCount(counts.get(folder) ?? 0)})`,
  }));
}
