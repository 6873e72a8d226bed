// Deleted photos, which a server with a trash keeps for some time.
import { queryOptions, useQuery, type QueryClient } from "@tanstack/react-query";
import { refreshImages } from "./catalogue";
import { ApiError, getTrash } from "./client";
import type { TrashPage } from "../domain/types";

export const trashKey = ["trash"] as const;
export const trashPage = 200; // photos

const noTrash = [404, 405, 422];

// null where the server has no trash: an older one does not know the path, or it is switched off. While it
// is not known, nothing may be deleted: it would be for good.
const firstPage = queryOptions<TrashPage | null>({
  queryKey: [...trashKey, "first"],
  staleTime: 60_000,
  retry: false,
  queryFn: async ({ signal }) => {
    try {
      return await getTrash("", trashPage, signal);
    } catch (error) {
      if (error instanceof ApiError && noTrash.includes(error.status)) return null;
      throw error;
    }
  },
});

export const useTrash = () => useQuery(firstPage);

// After photos were moved into the trash or out of it.
export function refreshTrash(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: trashKey });
  refreshImages(client);
}
