// The photos of the store. A backend with a catalogue gives any window of the list, so that the page
// fetches only what is in view; of others it fetches the whole list.
import {
  queryOptions,
  useQuery,
  useQueryClient,
  type Query,
  type QueryClient,
} from "@tanstack/react-query";
import { ApiError, getBatches, getDates, getFolders, getImages, getImageWindow } from "./client";
import { refreshMs } from "./queries";
import { nameOf } from "../domain/format";
import type { Folder, ImageFilter, ImageWindow, StoredImage } from "../domain/types";

export const blockSize = 200;
const keysAtOnce = 1000;
const settleMs = 60; // a place that is only scrolled past is not requested
const makingMs = 3_000; // while the catalogue of an older data folder is made

const fields = "key,name,size,last_modified,taken_at,uploaded_at";

const summaryKey = ["images", "summary"] as const;
const blockKey = ["images", "block"] as const;
const listKey = ["images", "list"] as const;
const foldersKey = ["folders"] as const;
const batchesKey = ["batches"] as const;
const datesKey = ["dates"] as const;
// Of what photos show: see search.ts.
export const indexKey = ["index"] as const;
export const foundKey = ["found by content"] as const;
export const duplicatesKey = ["duplicates"] as const;
const fewFolders = 500;

export const everything: ImageFilter = {
  order: "newest",
  q: "",
  folder: "",
  batch: "",
  taken: "",
};

export interface Summary {
  total: number; // photos in the store
  version: string;
  complete: boolean;
}

// A backend without a catalogue rejects the parameters, or ignores them as an older one does.
const isNoCatalogue = (error: unknown): boolean =>
  error instanceof ApiError && error.status === 422;

// How many photos there are and whether anything has changed, in one small answer; null where the
// backend has no catalogue. Once something has, the windows in view are fetched again.
export const summaryOf = (client: QueryClient) =>
  queryOptions<Summary | null>({
    queryKey: summaryKey,
    refetchInterval: ({ state }) =>
      state.data === null ? false : state.data?.complete === false ? makingMs : refreshMs,
    queryFn: async ({ signal }) => {
      const before = client.getQueryData<Summary | null>(summaryKey);
      const query = { offset: 0, limit: 1, fields: "key" };
      let answer: Partial<ImageWindow>;
      try {
        answer = await getImageWindow(before ? { ...query, since: before.version } : query, signal);
      } catch (error) {
        if (isNoCatalogue(error)) return null;
        throw error;
      }
      const { total, version, complete = true } = answer;
      if (total === undefined || version === undefined) return null;
      if (before && before.version !== version) dropOlder(client, version);
      return { total, version, complete };
    },
  });

export const useSummary = () => useQuery(summaryOf(useQueryClient()));

// What is in view is fetched again at once, the rest when it comes into view.
function dropOlder(client: QueryClient, version: string): void {
  const isOlder = ({ state }: Query): boolean =>
    (state.data as ImageWindow | undefined)?.version !== version;
  void client.invalidateQueries({ queryKey: blockKey, predicate: isOlder });
  // Many folders are fetched again when one returns to the page: that is more than is in view.
  const few = (client.getQueryData<Folder[]>(foldersKey)?.length ?? 0) <= fewFolders;
  void client.invalidateQueries({ queryKey: foldersKey, refetchType: few ? "active" : "none" });
  void client.invalidateQueries({ queryKey: batchesKey });
  void client.invalidateQueries({ queryKey: datesKey });
  for (const key of [indexKey, foundKey, duplicatesKey])
    void client.invalidateQueries({ queryKey: key });
}

// After the page itself has added or deleted photos.
export function refreshImages(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: summaryKey });
  void client.invalidateQueries({ queryKey: listKey });
}

export const blockStart = (index: number): number => index - (index % blockSize);

// Valid until the summary shows another version. Without observers its request is aborted.
export const blockOf = (filter: ImageFilter, offset: number) =>
  queryOptions<ImageWindow>({
    queryKey: [...blockKey, filter, offset],
    staleTime: Infinity,
    gcTime: 120_000,
    queryFn: async ({ signal }) => {
      if (offset > 0) await pause(settleMs, signal);
      return getImageWindow({ ...filter, offset, limit: blockSize, fields }, signal);
    },
  });

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("scrolled past", "AbortError"));
    });
  });

// The name of a photo, where it has been in view; otherwise what the key says.
export function knownName(client: QueryClient, key: string): string {
  for (const [, block] of client.getQueriesData<ImageWindow>({ queryKey: blockKey })) {
    const image = block?.images.find((each) => each.key === key);
    if (image) return nameOf(image);
  }
  return nameOf({ key });
}

async function allPages<Page extends { next_token?: string }>(
  get: (token: string) => Promise<Page>,
): Promise<Page[]> {
  const pages = [await get("")];
  for (let token = pages[0]?.next_token; token; token = pages.at(-1)?.next_token)
    pages.push(await get(token));
  return pages;
}

export const useFolders = () =>
  useQuery({
    queryKey: foldersKey,
    staleTime: Infinity,
    queryFn: async ({ signal }) => {
      const pages = await allPages((token) => getFolders(token, signal));
      return pages.flatMap(({ folders }) => folders);
    },
  });

export const useBatches = () =>
  useQuery({
    queryKey: batchesKey,
    staleTime: Infinity,
    retry: false,
    queryFn: async ({ signal }) => {
      const pages = await allPages((token) => getBatches(token, signal));
      return pages.flatMap(({ batches }) => batches);
    },
  });

export const useDates = () =>
  useQuery({
    queryKey: datesKey,
    staleTime: Infinity,
    retry: false,
    queryFn: ({ signal }) => getDates(signal),
  });

const mostTries = 3;

// The keys of the places from `from` until before `to`.
export async function keysOf(filter: ImageFilter, from: number, to: number): Promise<string[]> {
  for (let tries = 1; ; tries += 1) {
    const keys: string[] = [];
    const versions = new Set<string>();
    for (let offset = from; offset < to; offset += keysAtOnce) {
      const limit = Math.min(keysAtOnce, to - offset);
      const page = await getImageWindow({ ...filter, offset, limit, fields: "key" });
      versions.add(page.version);
      keys.push(...page.images.map(({ key }) => key));
      if (page.images.length < limit) break;
    }
    // Where the list changed between two pages, some may be missing: read it again.
    if (versions.size <= 1 || tries === mostTries) return keys;
  }
}

export interface ImageList {
  images: StoredImage[];
  complete: boolean; // false while further pages are loading
}

const sameImages = (a: readonly StoredImage[], b: readonly StoredImage[]): boolean =>
  a.length === b.length &&
  a.every((image, i) => image.key === b[i]?.key && image.last_modified === b[i].last_modified);

// Every photo of a backend without a catalogue. The first time, pages are shown as they arrive; later
// the list is replaced as a whole, and only when something changed.
export const listOf = (client: QueryClient) =>
  queryOptions<ImageList>({
    queryKey: listKey,
    refetchInterval: refreshMs,
    structuralSharing: false,
    queryFn: async ({ signal }) => {
      const before = client.getQueryData<ImageList>(listKey);
      const images: StoredImage[] = [];
      let token = "";
      do {
        const page = await getImages(token, signal);
        images.push(...page.images);
        token = page.next_token ?? "";
        if (token && !before?.complete) {
          client.setQueryData<ImageList>(listKey, { images: [...images], complete: false });
        }
      } while (token);
      return before?.complete && sameImages(before.images, images)
        ? before
        : { images, complete: true };
    },
  });

export const useImageList = (enabled: boolean) =>
  useQuery({ ...listOf(useQueryClient()), enabled });

// Why the list is incomplete; null where it is complete, even if outdated, or still loading.
export const listProblem = (list: {
  data: ImageList | undefined;
  error: Error | null;
}): Error | null => (list.data?.complete ? null : list.error);
