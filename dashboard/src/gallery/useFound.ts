// Photos that are found by what they show: those that fit words, or are like a photo or a picture.
import { useMemo, useState } from "react";
import { useFoundPhotos, type Sought } from "../api/search";
import type { SearchFilter } from "../api/client";
import { listLibrary, type Library } from "./library";
import { isPicture, pictureOf } from "./likePicture";

const fewest = 50;
const most = 1_000; // the server's
const stepsOf = (limit: number): number => Math.min(most, limit * 4);

export interface Found {
  library: Library | undefined;
  waiting: boolean; // what is shown is of the question before
  onlyNearest: boolean; // none of them fits well
  error: Error | null;
  impossible: boolean; // the server cannot, or the picture is gone
  onMore: (() => void) | undefined; // where there may be more
}

const soughtBy = (q: string, like: string): Sought | null => {
  if (like === "") return q === "" ? null : { q };
  if (!isPicture(like)) return { key: like };
  const picture = pictureOf(like);
  return picture ? { picture: picture.file, id: picture.id } : null;
};

export function useFound(
  q: string,
  like: string,
  { folder, batch, taken }: SearchFilter,
  possible: boolean | undefined,
): Found {
  const question = JSON.stringify([q, like, folder, batch, taken]);
  const [wider, setWider] = useState({ question, limit: fewest });
  const limit = wider.question === question ? wider.limit : fewest;
  const sought = useMemo(() => (possible ? soughtBy(q, like) : null), [possible, q, like]);
  const { data, error, isPlaceholderData } = useFoundPhotos(
    sought,
    { folder, batch, taken },
    limit,
  );
  const results = sought ? data?.results : undefined;
  const library = useMemo(
    () =>
      results &&
      listLibrary(results.map(({ key, name }) => ({ key, name, size: 0, last_modified: "" }))),
    [results],
  );
  const full = results?.length === limit && limit < most;
  return {
    library,
    waiting: isPlaceholderData,
    onlyNearest: sought !== null && data?.fits === 0 && data.results.length > 0,
    error,
    impossible: possible === false || (isPicture(like) && !pictureOf(like)),
    onMore: full ? () => setWider({ question, limit: stepsOf(limit) }) : undefined,
  };
}
