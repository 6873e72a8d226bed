import { useQueryClient } from "@tanstack/react-query";
import { clearSelection } from "../state/selection";
import { settings } from "../state/settings";
import { queue } from "../upload/uploads";

// Makes another backend the one in use. Photos and jobs of the one before are forgotten, so that
// nothing is shown as if it were the new one's. `key` is its API key, or empty.
export function useSwitchBackend(): (backend: string, key: string) => void {
  const client = useQueryClient();
  return (backend, key) => {
    const before = settings.get();
    settings.set({ ...before, backend, keys: { ...before.keys, [backend]: key } });
    if (backend !== before.backend) {
      clearSelection();
      queue.forget();
    }
    void client.resetQueries();
  };
}
