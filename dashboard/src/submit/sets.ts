// Which label sets are shown. They live on the server; those of this browser are shown beside them until
// they are moved, and alone where the server has none.
import type { StoredLabelSet } from "../domain/types";
import { isExample, sameSet, type LabelSet } from "../state/labelSets";

export interface ShownSet extends LabelSet {
  version?: StoredLabelSet["version"]; // only of those on the server
}

export const isOnServer = (set: ShownSet): set is StoredLabelSet => set.version !== undefined;

// `server`: null where it keeps none.
export function shownSets(
  server: readonly StoredLabelSet[] | null,
  local: readonly LabelSet[],
): ShownSet[] {
  if (server === null) return [...local];
  // An example gives way to a set of its name.
  const hidden = (set: LabelSet): boolean =>
    server.some((stored) => sameSet(stored, set) || (isExample(set) && stored.name === set.name));
  return [...server, ...local.filter((set) => !hidden(set))];
}

// The user's own sets in this browser, which the server lacks.
export const toMove = (
  server: readonly StoredLabelSet[] | null,
  local: readonly LabelSet[],
): LabelSet[] =>
  server === null
    ? []
    : local.filter((set) => !isExample(set) && !server.some((stored) => sameSet(stored, set)));

// The set that a name would replace. New sets go to the server where it keeps some.
export const namesake = (
  name: string,
  server: readonly StoredLabelSet[] | null,
  local: readonly LabelSet[],
): ShownSet | undefined => (server ?? local).find((set) => set.name === name.trim());
