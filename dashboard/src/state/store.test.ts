import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createPersisted } from "./store";

// Two tabs have one storage, and each hears of what the other stores.
class Tab extends EventTarget {
  hear(key: string, newValue: string | null): void {
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
  if (!Array.isArray(value)) throw new Error("no list");
  return value.map(String);
};

test("what another tab stores is taken, and not stored again", () => {
  const store = createPersisted<string[]>("list", [], words, { followTabs: true });
  const told = vi.fn();
  store.subscribe(told);
  tab.hear("list", '["theirs"]');
  expect(store.get()).toEqual(["theirs"]);
  expect(told).toHaveBeenCalledOnce();
  expect(stored).not.toHaveBeenCalled();
  // A change that is made here then keeps theirs.
  store.set((now) => [...now, "mine"]);
  expect(stored.mock.calls).toEqual([["list", '["theirs","mine"]']]);
});

test("other keys, what is unreadable and what was removed change nothing", () => {
  const store = createPersisted<string[]>("list", ["mine"], words, { followTabs: true });
  tab.hear("other", '["theirs"]');
  tab.hear("list", "{broken");
  tab.hear("list", "{}");
  tab.hear("list", null);
  expect(store.get()).toEqual(["mine"]);
});

test("a store that is the tab's own stays as it is", () => {
  const store = createPersisted<string[]>("list", ["mine"], words);
  tab.hear("list", '["theirs"]');
  expect(store.get()).toEqual(["mine"]);
});
