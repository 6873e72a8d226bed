// Deletes photos: into the trash, with a way back, where the server has one; otherwise for good.
import type { QueryClient } from "@tanstack/react-query";
import { knownName, refreshImages } from "../api/catalogue";
import { deleteImage, restoreImages, sentenceOf, trashImage } from "../api/client";
import { forgetFound } from "../api/search";
import { refreshTrash } from "../api/trash";
import { formatCount, plural } from "../domain/format";
import { selection, without } from "../state/selection";
import { forgetBroken } from "./Picture";
import { tell, tellProblem, tellUndo } from "./toast";
import { removeImages, type Removal } from "../api/remove";

const restoredAtOnce = 1_000; // the most that a call takes

// In pieces; returns what could not be restored.
async function restoreAll(keys: readonly string[]): Promise<string[]> {
  const missing: string[] = [];
  for (let from = 0; from < keys.length; from += restoredAtOnce) {
    const answer = await restoreImages(keys.slice(from, from + restoredAtOnce));
    missing.push(...answer.missing, ...(answer.conflicts ?? []));
  }
  return missing;
}

export async function takeBack(client: QueryClient, keys: readonly string[]): Promise<void> {
  try {
    const missing = await restoreAll(keys);
    const back = keys.length - missing.length;
    if (missing.length === 0) tell(`${plural(back, "photo")} restored`);
    else
      tellProblem(
        `${formatCount(back)} of ${plural(keys.length, "photo")} restored`,
        "The others are no longer in the trash, or another photo has taken their place.",
      );
  } catch (error) {
    tellProblem("The photos were not restored", sentenceOf(error));
  }
  forgetBroken();
  refreshTrash(client);
}

export async function removePhotos(
  client: QueryClient,
  keys: readonly string[],
  trash: boolean,
  onProgress: (handled: number) => void,
): Promise<Removal> {
  const removal = await removeImages(keys, trash ? trashImage : deleteImage, onProgress);
  const { gone, kept } = removal;
  selection.set((now) => without(now, gone));
  forgetFound(client, gone);
  const first = kept[0];
  if (first) {
    tellProblem(
      `${formatCount(kept.length)} of ${plural(keys.length, "photo")} could not be deleted`,
      `${knownName(client, first.key)}: ${first.reason} They are still selected, so you can try again.`,
    );
  } else if (trash) {
    tellUndo(`${plural(gone.size, "photo")} moved to the trash`, () => {
      void takeBack(client, [...gone]);
    });
  } else tell(`${plural(gone.size, "photo")} deleted`);
  if (trash) refreshTrash(client);
  else refreshImages(client);
  return removal;
}
