// The page's uploads: files come in, are looked at, shown to the user where something is to be told,
// and sent.
import { createPersisted, createStore } from "../state/store";
import type { StoredImage } from "../api/types";
import { prepare, type Prepared } from "./prepare";
import { UploadQueue } from "./queue";
import { send } from "./send";

export const queue = new UploadQueue(send);

// How many files are being looked at.
export const preparing = createStore(0);

export interface Review extends Prepared {
  files: readonly File[]; // all that it is about
}

// What waits for the user's word.
export const review = createStore<Review | null>(null);

interface Unfinished {
  done: number;
  total: number;
}

// Left behind by a page that was closed half way.
const isUnfinished = (value: unknown): value is Unfinished => {
  const { done, total } = (value ?? {}) as Partial<Unfinished>;
  return typeof done === "number" && typeof total === "number" && done < total;
};
const remembered = createPersisted<Unfinished | null>("classifier.upload", null, (stored) =>
  isUnfinished(stored) ? stored : null,
);
export const unfinished = createStore(remembered.get());

queue.subscribe(() => {
  const { active, done, total } = queue.get();
  const now = remembered.get();
  if (!active) remembered.set(null);
  else if (now?.done !== done || now.total !== total) remembered.set({ done, total });
});

window.addEventListener("beforeunload", (event) => {
  if (queue.get().active) event.preventDefault();
});

let turn: Promise<void> = Promise.resolve();

// One batch after another, so that each knows of the files of those before.
export function takeFiles(files: readonly File[], stored: readonly StoredImage[]): Promise<void> {
  if (files.length === 0) return Promise.resolve();
  preparing.set((count) => count + files.length);
  const mine = turn
    .then(() => lookAt(files, stored))
    .finally(() => preparing.set((count) => count - files.length));
  turn = mine.catch(() => undefined);
  return mine;
}

// Joins the batch that still waits for the user's word, if there is one.
async function lookAt(came: readonly File[], stored: readonly StoredImage[]): Promise<void> {
  for (;;) {
    const waiting = review.get();
    const files = [...(waiting?.files ?? []), ...came];
    const inQueue = queue
      .get()
      .uploads.filter(({ state }) => state !== "failed" && state !== "cancelled");
    const prepared = await prepare(files, stored, inQueue);
    // The word came meanwhile: those files are sent by now, or not wanted.
    if (review.get() !== waiting) continue;
    const remarks = prepared.stored.length + prepared.repeated.length + prepared.rejected.length;
    if (remarks > 0 || waiting) review.set({ ...prepared, files });
    else startUploads(prepared, false);
    return;
  }
}

export function startUploads(prepared: Prepared, alsoStored: boolean): void {
  review.set(null);
  unfinished.set(null);
  const candidates = alsoStored ? [...prepared.ready, ...prepared.stored] : prepared.ready;
  if (candidates.length > 0) queue.add(candidates);
}
