// Deletes images, several at once, and reports the outcome of each.
import { ApiError, sentenceOf } from "./client";

export interface Removal {
  gone: Set<string>;
  kept: { key: string; reason: string }[];
}

const parallel = 6;

export async function removeImages(
  keys: readonly string[],
  remove: (key: string) => Promise<unknown>,
  onProgress: (handled: number) => void,
): Promise<Removal> {
  const removal: Removal = { gone: new Set(), kept: [] };
  let next = 0;
  let away = "";
  const work = async () => {
    for (let key = keys[next++]; key !== undefined; key = keys[next++]) {
      try {
        if (away) throw new ApiError("unreachable", away);
        await remove(key);
        removal.gone.add(key);
      } catch (error) {
        const kind = error instanceof ApiError ? error.kind : "refused";
        // Already deleted by somebody else: it is gone, as it should be.
        if (kind === "missing") removal.gone.add(key);
        else removal.kept.push({ key, reason: sentenceOf(error) });
        // The others would only fail in the same way, each after its own wait.
        if (kind === "unreachable" || kind === "access") away = sentenceOf(error);
      }
      onProgress(removal.gone.size + removal.kept.length);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return removal;
}
