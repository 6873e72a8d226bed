// Photos found by what they show: the index of the server, and searches by words, photos and pictures.
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FoundPhotos, IndexState } from "../domain/types";
import { foundKey, indexKey } from "./catalogue";
import {
  getIndex,
  searchByPhoto,
  searchByPicture,
  searchByText,
  type SearchFilter,
} from "./client";

const watchMs = 2_000;

// null where the server cannot search by what photos show. `watch`: what it does is followed while it does it.
export const useIndex = (watch = false) => {
  const client = useQueryClient();
  return useQuery<IndexState | null>({
    queryKey: indexKey,
    staleTime: 60_000,
    retry: false,
    refetchInterval: ({ state }) => (watch && state.data?.busy ? watchMs : false),
    queryFn: async ({ signal }) => {
      const before = client.getQueryData<IndexState | null>(indexKey);
      const now = await getIndex(signal);
      // What was looked at meanwhile can be found now.
      if (before && now && before.indexed !== now.indexed)
        void client.invalidateQueries({ queryKey: foundKey });
      return now;
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
