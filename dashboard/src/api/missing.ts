// Which of some chosen photos are no longer stored.
import { queryOptions, type QueryClient } from "@tanstack/react-query";
import type { Summary } from "./catalogue";
import { existingOf } from "./existing";

// Asked again after a change of the catalogue.
export const missingFrom = (
  client: QueryClient,
  catalogue: Summary | null,
  keys: readonly string[],
) =>
  queryOptions({
    queryKey: ["missing", catalogue?.version, keys],
    queryFn: async () => {
      const existing = new Set(await existingOf(client, keys));
      return keys.filter((key) => !existing.has(key));
    },
    staleTime: catalogue ? Infinity : 30_000,
    gcTime: 60_000,
  });
