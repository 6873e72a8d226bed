import type { QueryClient } from "@tanstack/react-query";
import { clearSelection } from "../state/selection";
import { apiKey, applyTheme, backendAddress, settings } from "../state/settings";
import { forgetBroken } from "../ui/Picture";
import { tellProblem } from "../ui/toast";
import { queue, review } from "../upload/uploads";

// Applies a change of the settings, whether it was made in this tab or in another. Photos and jobs of
// the previous backend are dropped, so that nothing is shown as if it came from the new one.
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
    forgetBroken();
    if (moved) {
      // The photos were meant for the previous backend, and must not go to this one.
      if (queue.get().active || review.get()) {
        tellProblem(
          "The upload was stopped",
          `The server is now ${backendAddress()}. Choose the photos again to upload them there.`,
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
