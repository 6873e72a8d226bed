import { useQuery, useQueryClient } from "@tanstack/react-query";
import { blockOf, everything, listProblem, useImageList, useSummary } from "../api/catalogue";
import { missingFrom } from "../api/missing";
import { arrange } from "../domain/arrange";
import { filterOf, ruleOf, selection } from "../state/selection";
import { useStore } from "../state/store";
import { draft } from "../state/draft";
import type { Photos } from "./photos";

interface PhotosOfJob {
  photos: Photos | undefined;
  stored: boolean; // there is at least one photo
  error: Error | null;
  refetch: () => void;
}

// The photos of the job. Without a selection it is about every photo; a catalogue is told so by a rule.
export function usePhotos(): PhotosOfJob {
  const client = useQueryClient();
  const { keys, rule: chosen } = useStore(selection);
  const summary = useSummary();
  const catalogue = summary.data ?? null;
  const lost = useStore(draft).chosen > 0 && chosen === null && keys.size === 0;
  const byKeys = chosen === null && keys.size > 0;
  const rule = byKeys ? null : (chosen ?? ruleOf(everything));
  const window = useQuery({
    ...blockOf(filterOf(rule ?? {}), 0),
    enabled: catalogue !== null && !byKeys,
  });
  const list = useImageList(summary.data === null && !byKeys);
  const missing = useMissing(byKeys ? [...keys] : []);
  const refetch = () => void client.invalidateQueries({ queryKey: ["images"] });

  if (byKeys) {
    const chosenKeys = [...keys];
    const gone = new Set(missing);
    const photos = {
      count: keys.size,
      first: chosenKeys.filter((key) => !gone.has(key)),
      keys: chosenKeys,
      rule: null,
      all: false,
      listed: true,
      missing,
      lost: false,
    };
    return { photos, stored: true, error: null, refetch };
  }
  if (catalogue) {
    const { data, error } = window;
    const photos = data && {
      count: data.total,
      first: data.images.map(({ key }) => key),
      keys: [],
      rule,
      all: rule?.all ?? false,
      listed: catalogue.complete,
      missing: [],
      lost,
    };
    return { photos, stored: catalogue.total > 0, error: data ? null : error, refetch };
  }
  const error = summary.error ?? listProblem(list);
  if (!list.data) return { photos: undefined, stored: true, error, refetch };
  const sorted = arrange(list.data.images, "newest", "").map(({ key }) => key);
  const photos = {
    count: sorted.length,
    first: sorted,
    keys: sorted,
    rule: null,
    all: true,
    listed: list.data.complete,
    missing: [],
    lost,
  };
  return { photos, stored: sorted.length > 0, error, refetch };
}

const none: readonly string[] = [];

// Which of the chosen photos are gone: somebody may have deleted them since. A check that fails stops
// nobody, because the job itself names photos that it does not find.
function useMissing(keys: readonly string[]): readonly string[] {
  const client = useQueryClient();
  const { data: catalogue, isSuccess } = useSummary();
  const check = useQuery({
    ...missingFrom(client, catalogue ?? null, keys),
    // While a catalogue is being made, it lacks photos that are there.
    enabled: keys.length > 0 && isSuccess && catalogue?.complete !== false,
  });
  return check.data ?? none;
}
