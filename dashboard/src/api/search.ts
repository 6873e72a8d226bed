// Photos found by what they show: the index of the server, searches by words, photos and pictures, duplicates.
import {
  keepPreviousData,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
  type InfiniteData,
  type QueryClient,
} from "@tanstack/react-query";
import type { DuplicatesPage, FoundPhotos, IndexState } from "../domain/types";
import { duplicatesKey, foundKey, indexKey } from "./catalogue";
import {
  ApiError,
  getDuplicates,
  getIndex,
  searchByPhoto,
  searchByPicture,
  searchByText,
  type SearchFilter,
} from "./client";

const watchMs = 2_500;

// A server that has just finished needs a moment to count what can be found: an incomplete count is
// asked for once more.
interface Index extends IndexState {
  unsure: boolean;
}

const isUnsure = (now: IndexState, before: Index | null | undefined): boolean =>
  !now.busy &&
  now.indexed < now.total &&
  (!before || before.busy || before.indexed !== now.indexed);

// null where the server cannot search by what photos show. `watch`: what it does is followed while it does it.
export const useIndex = (watch = false) => {
  const client = useQueryClient();
  return useQuery<Index | null>({
    queryKey: indexKey,
    staleTime: 60_000,
    retry: false,
    refetchInterval: ({ state }) =>
      watch && (state.data?.busy || state.data?.unsure) ? watchMs : false,
    queryFn: async ({ signal }) => {
      const before = client.getQueryData<Index | null>(indexKey);
      const now = await getIndex(signal);
      // What was looked at meanwhile can be found now.
      if (before && now && before.indexed !== now.indexed)
        void client.invalidateQueries({ queryKey: foundKey });
      return now && { ...now, unsure: isUnsure(now, before) };
    },
  });
};

// What the photos are to be like: words, a stored photo, or a picture that is not stored.
export type Sought = { q: string } | { key: string } | { picture: Blob; id: string };

const ask = (
  sought: Sought,
  filter: SearchFilter,
  limit: number,
  signal: AbortSignal,
): Promise<FoundPhotos> => {
  if ("q" in sought) return searchByText(sought.q, filter, limit, signal);
  if ("key" in sought) return searchByPhoto(sought.key, filter, limit, signal);
  return searchByPicture(sought.picture, filter, limit, signal);
};

// The answer before stays, marked as such, until there is one to what is asked now.
export const useFoundPhotos = (sought: Sought | null, filter: SearchFilter, limit: number) => {
  const { folder, batch, taken } = filter;
  const name = sought && ("picture" in sought ? { id: sought.id } : sought);
  return useQuery<FoundPhotos>({
    queryKey: [...foundKey, name, { folder, batch, taken }, limit],
    queryFn: ({ signal }) => ask(sought ?? { q: "" }, { folder, batch, taken }, limit, signal),
    enabled: sought !== null,
    staleTime: 60_000,
    retry: false,
    placeholderData: keepPreviousData,
  });
};

const groupsAtOnce = 100;
const lookAgainMs = 2_000;

// Groups of photos that are the same picture. While the server looks for them, it is asked again and again.
export const useDuplicates = (similarity: number) =>
  useInfiniteQuery({
    queryKey: [...duplicatesKey, similarity],
    queryFn: ({ pageParam, signal }) =>
      getDuplicates(
        { min_similarity: similarity, limit: groupsAtOnce, next_token: pageParam },
        signal,
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_token,
    staleTime: 60_000,
    retry: (_, error) => error instanceof ApiError && error.status === 503,
    retryDelay: lookAgainMs,
  });

// Groups without the photos that are gone; a photo alone is no group.
export const withoutGone = (page: DuplicatesPage, gone: ReadonlySet<string>): DuplicatesPage => {
  const groups = page.groups
    .map((group) => ({ ...group, images: group.images.filter(({ key }) => !gone.has(key)) }))
    .filter(({ images }) => images.length > 1);
  return { ...page, groups, total: page.total - (page.groups.length - groups.length) };
};

// Deleted photos leave at once; what the server says of the others comes later.
export function forgetFound(client: QueryClient, gone: ReadonlySet<string>): void {
  client.setQueriesData<FoundPhotos>(
    { queryKey: foundKey },
    (found) => found && { ...found, results: found.results.filter(({ key }) => !gone.has(key)) },
  );
  client.setQueriesData<InfiniteData<DuplicatesPage>>(
    { queryKey: duplicatesKey },
    (found) => found && { ...found, pages: found.pages.map((page) => withoutGone(page, gone)) },
  );
}
