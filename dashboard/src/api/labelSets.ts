// Label sets on the server, which everybody who uses it shares.
import { useQuery } from "@tanstack/react-query";
import { ApiError, getLabelSets } from "./client";

export const labelSetsKey = ["label sets"] as const;

// null where the server is older and has none.
export const useServerLabelSets = () =>
  useQuery({
    queryKey: labelSetsKey,
    queryFn: async ({ signal }) => {
      try {
        return await getLabelSets(signal);
      } catch (error) {
        if (error instanceof ApiError && [404, 405].includes(error.status)) return null;
        throw error;
      }
    },
  });

// Somebody else has changed, removed or made the set meanwhile.
export const isConflict = (error: unknown): boolean =>
  error instanceof ApiError && error.status === 412;
