import { useQueries, useQueryClient, type UseQueryResult } from "@tanstack/react-query";
import { useCallback, useDeferredValue, useMemo, useState } from "react";
import { blockOf, blockSize, blockStart, keysOf, useImageList, useSummary } from "../api/catalogue";
import type { ImageFilter, ImageWindow } from "../domain/types";
import { arrange } from "../domain/arrange";
import { listLibrary, windowLibrary, type Library } from "./library";

const ahead = 40; // photos beyond the edge of the window that are loaded too

interface View {
  filter: string;
  first: number; // starts of blocks
  last: number;
}

const blocksOf = (results: UseQueryResult<ImageWindow>[]) => {
  const newest = results.reduce<UseQueryResult<ImageWindow> | undefined>(
    (best, each) => (each.data && each.dataUpdatedAt >= (best?.dataUpdatedAt ?? 0) ? each : best),
    undefined,
  );
  return {
    windows: results.flatMap(({ data }) => (data ? [data] : [])),
    total: newest?.data?.total,
    error: results.find(({ error }) => error)?.error ?? null,
  };
};

interface Shown {
  library: Library;
  filter: ImageFilter;
}

export interface LibraryState {
  library: Library | undefined; // undefined while nothing is loaded
  filter: ImageFilter; // of the library: the one before while another loads
  catalogue: boolean; // the backend has one: folders, rules and all orders
  stored: number; // photos in the store
  complete: boolean; // all of them are listed
  error: Error | null;
  refetch: () => void;
}

// `open`: the photo in the preview, or -1.
export function useLibrary(filter: ImageFilter, open: number): LibraryState {
  const client = useQueryClient();
  const summary = useSummary();
  const without = summary.data === null;
  const id = JSON.stringify(filter);
  const [view, setView] = useState<View>({ filter: id, first: 0, last: 0 });

  const starts = new Set<number>();
  if (!without) {
    if (view.filter === id) {
      for (let at = view.first; at <= view.last; at += blockSize) starts.add(at);
    } else starts.add(0);
    // The neighbours of the open photo too.
    if (open >= 0) [Math.max(0, open - 1), open + 1].forEach((at) => starts.add(blockStart(at)));
  }
  const blocks = useQueries({
    queries: [...starts].sort((a, b) => a - b).map((start) => blockOf(filter, start)),
    combine: blocksOf,
  });

  const ensure = useCallback(
    (from: number, to: number) => {
      const first = blockStart(Math.max(0, from - ahead));
      const last = blockStart(to + ahead);
      setView((now) =>
        now.filter === id && now.first === first && now.last === last
          ? now
          : { filter: id, first, last },
      );
    },
    [id],
  );
  const inWindows = useMemo(() => {
    const { windows, total } = blocks;
    if (total === undefined) return undefined;
    const asked = JSON.parse(id) as ImageFilter;
    return windowLibrary(total, windows, blockSize, ensure, (from, to) => keysOf(asked, from, to));
  }, [blocks, ensure, id]);

  const list = useImageList(without);
  const images = list.data?.images;
  const { order, q } = filter;
  const wanted = useDeferredValue(q);
  const inList = useMemo(
    () => (images ? listLibrary(arrange(images, order, wanted)) : undefined),
    [images, order, wanted],
  );

  // What was shown last stays until the first answer to another search or order, or to a jump.
  const [kept, setKept] = useState<Shown | undefined>(undefined);
  const known = summary.data !== undefined;
  const current = known ? (without ? inList : inWindows) : undefined;
  if (current ? current !== kept?.library : !known && kept) {
    setKept(current && { library: current, filter });
  }
  const broken = without ? list.error : blocks.error;
  const stays = known && !(broken && kept?.filter !== filter);
  const shown = current ? { library: current, filter } : stays ? kept : undefined;

  return {
    library: shown?.library,
    filter: shown?.filter ?? filter,
    catalogue: !without,
    stored: without ? (images?.length ?? 0) : (summary.data?.total ?? 0),
    complete: without ? (list.data?.complete ?? false) : (summary.data?.complete ?? true),
    error: shown ? null : known ? broken : summary.error,
    refetch: () => void client.invalidateQueries({ queryKey: ["images"] }),
  };
}
