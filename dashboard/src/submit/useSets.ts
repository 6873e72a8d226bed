import { useQueryClient } from "@tanstack/react-query";
import { ApiError, deleteLabelSet, putLabelSet } from "../api/client";
import { labelSetsKey, useServerLabelSets } from "../api/labelSets";
import type { StoredLabelSet } from "../domain/types";
import {
  labelSets,
  removeLabelSet,
  sameSet,
  saveLabelSet,
  type LabelSet,
} from "../state/labelSets";
import { useStore } from "../state/store";
import { isOnServer, namesake, shownSets, toMove, type ShownSet } from "./sets";

// Somebody else has changed the set since it was looked at, here in another tab or on the server.
export class SetConflict extends Error {
  constructor(readonly now: ShownSet | undefined) {
    super("Somebody else has changed it meanwhile. Look at it first.");
  }
}

// The label sets, and what can be done with them. Functions reject with a SetConflict or an ApiError.
export function useSets() {
  const client = useQueryClient();
  const query = useServerLabelSets();
  const local = useStore(labelSets);
  const server = query.data ?? null;

  const put = (change: (sets: StoredLabelSet[]) => StoredLabelSet[]) =>
    client.setQueryData<StoredLabelSet[] | null>(labelSetsKey, (sets) => sets && change(sets));

  const onServer = async <T>(name: string, work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 412)) throw error;
      const { data } = await query.refetch();
      throw new SetConflict(data?.find((set) => set.name === name));
    }
  };

  const checkHere = (replaced: ShownSet) => {
    const now = labelSets.get().find(({ name }) => name === replaced.name);
    if (!now || !sameSet(now, replaced)) throw new SetConflict(now);
  };

  // `replaced`: the set of that name as it was looked at; undefined for a new one.
  const save = async (set: LabelSet, replaced?: ShownSet): Promise<ShownSet> => {
    const { name, labels } = set;
    if (server === null || (replaced && !isOnServer(replaced))) {
      if (replaced) checkHere(replaced);
      saveLabelSet(name, labels);
      return set;
    }
    const saved = await onServer(name, putLabelSet(name, labels, replaced?.version));
    put((sets) =>
      [...sets.filter((each) => each.name !== name), saved].sort((a, b) =>
        a.name.localeCompare(b.name),
      ),
    );
    return saved;
  };

  // Resolves to a function that takes it back.
  const remove = async (set: ShownSet): Promise<() => Promise<unknown>> => {
    if (!isOnServer(set)) {
      const undo = removeLabelSet(set.name);
      return () => {
        undo();
        return Promise.resolve();
      };
    }
    await onServer(
      set.name,
      deleteLabelSet(set.name, set.version).catch((error: unknown) => {
        if (!(error instanceof ApiError && error.kind === "missing")) throw error;
      }),
    );
    put((sets) => sets.filter((each) => each.name !== set.name));
    return () => save({ name: set.name, labels: set.labels });
  };

  // Moves those of this browser; resolves to the names that the server has with other categories.
  const move = async (sets: readonly LabelSet[]): Promise<string[]> => {
    const taken: string[] = [];
    for (const set of sets) {
      try {
        await save(set);
        removeLabelSet(set.name);
      } catch (error) {
        if (!(error instanceof SetConflict)) throw error;
        if (error.now && sameSet(error.now, set)) removeLabelSet(set.name);
        else taken.push(set.name);
      }
    }
    return taken;
  };

  return {
    sets: shownSets(server, local),
    offered: toMove(server, local),
    shared: server !== null, // new ones go to the server
    ready: query.data !== undefined, // it is known where they go
    error: query.data === undefined ? query.error : null,
    retry: () => void query.refetch(),
    namesake: (name: string) => namesake(name, server, local),
    save,
    remove,
    move,
  };
}

export type Sets = ReturnType<typeof useSets>;
