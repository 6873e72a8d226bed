import type { QueryClient } from "@tanstack/react-query";
import { clearSelection } from "../state/selection";
import { apiKey, applyTheme, backendAddress, settings } from "../state/settings";
import { tellProblem } from "../ui/toast";
import { queue, review } from "../upload/uploads";

// Does what a change of the settings asks for, whether it was made in this tab or in another. Photos
// and jobs of the backend before are forgotten, so that nothing is shown as if it were the new one's.
export function followSettings(client: QueryClient): () => void {
  let { backend } = settings.get();
  let key = apiKey();
  return settings.subscribe(() => {
    const now = settings.get();
    applyTheme(now.theme);
    const moved = now.backend !== backend;
    if (!moved && apiKey() === key) return;
    backend = now.backend;
    key = apiKey();
    if (moved) {
      // The photos were meant for the backend before, and must not go to this one.
      if (queue.get().active || review.get()) {
        tellProblem(
          "The upload was stopped",
          `The backend is ${backendAddress()} now. Choose the photos again to send them there.`,
        );
      }
      review.set(null);
      queue.cancel();
      queue.forget();
      clearSelection();
    }
    void client.resetQueries();
  });
}
