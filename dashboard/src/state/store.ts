// A value outside the components, to which they can subscribe.
import { useSyncExternalStore } from "react";

export interface Store<T> {
  get: () => T;
  set: (next: T | ((now: T) => T)) => void;
  subscribe: (listener: () => void) => () => void;
}

export function createStore<T>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set: (next) => {
      const changed = typeof next === "function" ? (next as (now: T) => T)(value) : next;
      if (Object.is(changed, value)) return;
      value = changed;
      for (const listener of listeners) listener();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export const useStore = <T>(store: Store<T>): T => useSyncExternalStore(store.subscribe, store.get);

interface Persistence<T> {
  followTabs?: boolean; // adopt what other tabs of the page set, so that all share one value
  storage?: "local" | "session"; // "session": of this tab only
  write?: (value: T) => unknown; // of values that JSON cannot hold
}

// A store that survives a reload. `read` turns what was stored, by whatever version, into a value or throws.
export function createPersisted<T>(
  name: string,
  initial: T,
  read: (stored: unknown) => T,
  { followTabs = false, storage = "local", write = (value) => value }: Persistence<T> = {},
): Store<T> {
  const place = () => (storage === "local" ? localStorage : sessionStorage);
  let start = initial;
  try {
    const text = place().getItem(name);
    if (text !== null) start = read(JSON.parse(text));
  } catch {
    // Unreadable, or storage is off: start with the initial value.
  }
  const store = createStore(start);
  let adopting = false;
  store.subscribe(() => {
    if (adopting) return; // another tab has stored it
    try {
      place().setItem(name, JSON.stringify(write(store.get())));
    } catch {
      // Storage is full or off: the value lasts until the page is closed.
    }
  });
  if (followTabs && typeof window !== "undefined") {
    window.addEventListener("storage", ({ key, newValue }) => {
      if (key !== name || newValue === null) return;
      adopting = true;
      try {
        store.set(read(JSON.parse(newValue)));
      } catch {
        // Unreadable: keep the current value.
      } finally {
        adopting = false;
      }
    });
  }
  return store;
}
