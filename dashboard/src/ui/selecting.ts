// Selecting photos by hand, in every list of them.
import { selection, toggle, withKeys, without } from "../state/selection";
import { tell } from "./toast";

// Nothing can be taken out of a rule.
function beginAnew(): void {
  if (!selection.get().rule) return;
  tell(
    "A new selection has begun",
    "All photos were selected at once, so single ones cannot be removed.",
  );
}

export function togglePhoto(key: string): void {
  beginAnew();
  selection.set((now) => toggle(now, key));
}

export function selectPhotos(keys: readonly string[], on: boolean): void {
  beginAnew();
  selection.set((now) => (on ? withKeys(now, keys) : without(now, new Set(keys))));
}
