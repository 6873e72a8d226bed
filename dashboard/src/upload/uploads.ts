// The page's uploads: files are checked, shown to the user where something needs attention, and sent.
import { createPersisted, createStore } from "../state/store";
import { prepare, type FindStored, type PassedOver, type Prepared } from "./prepare";
import { UploadQueue } from "./queue";
import { send } from "./send";

export const queue = new UploadQueue(send);

// The number of files being checked.
export const preparing = createStore(0);

export interface Review extends Prepared {
  files: readonly File[]; // all files of the batch
  unreadable: readonly string[];
}

// What was not sent of the files of the uploads in the queue.
export const passedOver = createStore<readonly PassedOver[]>([]);

// The batch that waits for the user's decision.
export const review = createStore<Review | null>(null);

interface Unfinished {
  done: number;
  total: number;
}

// Left by a page that was closed before its upload finished.
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

// One batch after another, so that each knows the files of the previous ones.
export function takeFiles(
  files: readonly File[],
  findStored: FindStored,
  unreadable: readonly string[] = [],
): Promise<void> {
  if (files.length + unreadable.length === 0) return Promise.resolve();
  preparing.set((count) => count + files.length);
  const mine = turn
    .then(() => check(files, findStored, unreadable))
    .finally(() => preparing.set((count) => count - files.length));
  turn = mine.catch(() => undefined);
  return mine;
}

// Adds the files to the batch that still waits for the user's decision, if there is one.
async function check(
  added: readonly File[],
  findStored: FindStored,
  addedUnreadable: readonly string[],
): Promise<void> {
  for (;;) {
    const waiting = review.get();
    const files = [...(waiting?.files ?? []), ...added];
    const unreadable = [...(waiting?.unreadable ?? []), ...addedUnreadable];
    const inQueue = queue
      .get()
      .uploads.filter(({ state }) => state !== "failed" && state !== "cancelled");
    const prepared = await prepare(files, findStored, inQueue, unreadable);
    // The user has decided meanwhile: those files are already sent, or not wanted.
    if (review.get() !== waiting) continue;
    const remarks = prepared.stored.length + prepared.repeated.length + prepared.rejected.length;
    const nothing = prepared.ready.length === 0;
    if (remarks > 0 || nothing || waiting) review.set({ ...prepared, files, unreadable });
    else startUploads(prepared, false);
    return;
  }
}

export function startUploads(prepared: Prepared, alsoStored: boolean): void {
  review.set(null);
  unfinished.set(null);
  const candidates = alsoStored ? [...prepared.ready, ...prepared.stored] : prepared.ready;
  if (candidates.length === 0) return;
  const stored = alsoStored ? [] : prepared.stored;
  passedOver.set((before) => [
    ...(queue.get().active ? before : []),
    ...prepared.rejected,
    ...stored.map(({ path }) => ({
      name: path,
      kind: "stored" as const,
      reason: "is stored already",
    })),
    ...prepared.repeated,
    ...prepared.clutter,
  ]);
  const batch = newBatch();
  queue.add(candidates.map((each) => ({ ...each, batch })));
}

// What one upload of many files is called: "2026-11-28 15:02 4f9a", in local time.
export function newBatch(now = new Date(), random = Math.random()): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const end = Math.floor(random * 0x10000)
    .toString(16)
    .padStart(4, "0");
  return `${day} ${two(now.getHours())}:${two(now.getMinutes())} ${end}`;
}
