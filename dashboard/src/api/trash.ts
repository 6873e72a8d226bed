// Deleted photos, which a server with a trash keeps for some time.
import { useQuery, type QueryClient } from "@tanstack/react-query";
import { refreshImages } from "./catalogue";
import { getTrashTotal } from "./client";

export const trashKey = ["trash"] as const;

// How many photos it has; null where the server has none. While it is not known, nothing may be deleted: it
// would be for good.
export const useTrash = () =>
  useQuery({
    queryKey: [...trashKey, "total"],
    staleTime: 60_000,
    retry: false,
    queryFn: ({ signal }) => getTrashTotal(signal),
  });

// After photos were moved into the trash or out of it.
export function refreshTrash(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: trashKey });
  refreshImages(client);
}
