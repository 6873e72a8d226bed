import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createPersisted } from "./store";

// Two tabs share one storage, and each is notified of what the other stores.
class Tab extends EventTarget {
  receive(key: string, newValue: string | null): void {
    this.dispatchEvent(Object.assign(new Event("storage"), { key, newValue }));
  }
}

let tab: Tab;
const stored = vi.fn();
beforeEach(() => {
  tab = new Tab();
  vi.stubGlobal("window", tab);
  vi.stubGlobal("localStorage", { getItem: () => null, setItem: stored });
  stored.mockClear();
});
afterEach(() => vi.unstubAllGlobals());

const words = (value: unknown): string[] => {
  if (!Array.isArray(value)) throw new Error("not a list");
  return value.map(String);
};

test("a value that another tab stores is adopted, and not stored again", () => {
  const store = createPersisted<string[]>("list", [], words, { followTabs: true });
  const listener = vi.fn();
  store.subscribe(listener);
  tab.receive("list", '["theirs"]');
  expect(store.get()).toEqual(["theirs"]);
  expect(listener).toHaveBeenCalledOnce();
  expect(stored).not.toHaveBeenCalled();
  // A later change in this tab keeps theirs.
  store.set((now) => [...now, "mine"]);
  expect(stored.mock.calls).toEqual([["list", '["theirs","mine"]']]);
});

test("other keys, unreadable values and removals change nothing", () => {
  const store = createPersisted<string[]>("list", ["mine"], words, { followTabs: true });
  tab.receive("other", '["theirs"]');
  tab.receive("list", "{broken");
  tab.receive("list", "{}");
  tab.receive("list", null);
  expect(store.get()).toEqual(["mine"]);
});

test("a store that does not follow other tabs stays as it is", () => {
  const store = createPersisted<string[]>("list", ["mine"], words);
  tab.receive("list", '["theirs"]');
  expect(store.get()).toEqual(["mine"]);
});
