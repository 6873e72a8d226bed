import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Send } from "../upload/queue";

vi.mock("../upload/send", () => ({ send: (() => new Promise(() => undefined)) satisfies Send }));
vi.mock("../ui/toast", () => ({ tellProblem: vi.fn() }));

const dataset: { theme?: string } = {};
let tab: EventTarget;
beforeEach(() => {
  tab = new EventTarget();
  vi.stubGlobal("window", tab);
  vi.stubGlobal("document", { documentElement: { dataset } });
  vi.resetModules();
});
afterEach(() => vi.unstubAllGlobals());

// The modules hold the state of one page, so each test loads them again.
async function openPage() {
  const { followSettings } = await import("./follow");
  const { settings, apiKey } = await import("../state/settings");
  const { labelSets } = await import("../state/labelSets");
  const { selection } = await import("../state/selection");
  const { queue, review } = await import("../upload/uploads");
  const { tellProblem } = await import("../ui/toast");
  const client = new QueryClient();
  client.setQueryData(["images"], "of the previous backend");
  followSettings(client);
  return { settings, apiKey, labelSets, selection, queue, review, tellProblem, client };
}

const receive = (name: string, value: unknown) =>
  tab.dispatchEvent(
    Object.assign(new Event("storage"), {
      key: `classifier.${name}`,
      newValue: JSON.stringify(value),
    }),
  );

const there = "https://other.example";

test("a backend chosen in another tab applies to this tab too, and nothing of the previous one stays", async () => {
  const page = await openPage();
  page.selection.set({ keys: new Set(["uploads/a.jpg"]), rule: null });
  page.queue.add([
    { file: new File(["x"], "a.jpg"), path: "a.jpg", type: "image/jpeg", batch: "" },
  ]);
  receive("settings", { backend: there, keys: { [there]: "their-key" }, theme: "dark" });
  expect(page.settings.get().backend).toBe(there);
  expect(page.apiKey()).toBe("their-key");
  expect(dataset.theme).toBe("dark");
  expect(page.selection.get().keys.size).toBe(0);
  expect(page.client.getQueryData(["images"])).toBeUndefined();
  expect(page.queue.get().uploads).toEqual([]);
  expect(page.tellProblem).toHaveBeenCalledOnce();
});

test("a change of the theme drops nothing", async () => {
  const page = await openPage();
  receive("settings", { backend: "", keys: {}, theme: "light" });
  expect(dataset.theme).toBe("light");
  expect(page.client.getQueryData(["images"])).toBe("of the previous backend");
});

test("saving a label set here keeps the ones that another tab saved", async () => {
  const page = await openPage();
  receive("labelSets", [{ name: "Theirs", labels: ["cat"] }]);
  const { saveLabelSet } = await import("../state/labelSets");
  saveLabelSet("Mine", ["dog"]);
  expect(page.labelSets.get().map(({ name }) => name)).toEqual(["Theirs", "Mine"]);
});
