import { QueryObserver } from "@tanstack/react-query";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  blockOf,
  everything,
  keysOf,
  knownName,
  listOf,
  listProblem,
  refreshImages,
  summaryOf,
} from "./catalogue";
import { createQueryClient } from "./queries";

// Answers by path and query; a number is a status without a body of use.
function serve(answers: (query: URLSearchParams, path: string) => unknown): {
  asked: string[];
  aborted: string[];
} {
  const calls = { asked: [] as string[], aborted: [] as string[] };
  vi.stubGlobal("location", { origin: "http://page.example" });
  vi.stubGlobal("fetch", async (path: string, { signal }: { signal: AbortSignal }) => {
    calls.asked.push(path);
    signal.addEventListener("abort", () => calls.aborted.push(path));
    const body = await answers(new URL(path, "http://page.example").searchParams, path);
    signal.throwIfAborted();
    return typeof body === "number"
      ? Response.json({ error: "no such page" }, { status: body })
      : Response.json(body);
  });
  return calls;
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const image = (key: string) => ({ key, size: 1, last_modified: "2026-01-31T12:00:00Z" });

describe("the summary", () => {
  test("asks whether anything has changed, and then gets only what is in view", async () => {
    let version = "1";
    const { asked } = serve((query) => {
      const total = 1_000_000;
      if (query.get("since") === version) return { images: [], unchanged: true, version, total };
      const offset = Number(query.get("offset"));
      return { images: [image(`k${offset}`)], total, offset, version };
    });
    const client = createQueryClient();
    const summary = new QueryObserver(client, { ...summaryOf(client), refetchInterval: false });
    await client.query(blockOf(everything, 0)); // no longer in view
    const inView = new QueryObserver(client, blockOf(everything, 400));
    const leave = inView.subscribe(() => undefined);
    await inView.refetch();
    const first = await summary.refetch();
    expect(first.data).toEqual({ total: 1_000_000, version: "1", complete: true });

    asked.length = 0;
    await summary.refetch();
    expect(asked).toEqual(["/images?offset=0&limit=1&fields=key&since=1"]);

    version = "2";
    asked.length = 0;
    await summary.refetch();
    await vi.waitFor(() => expect(inView.getCurrentResult().data?.version).toBe("2"));
    expect(asked).toHaveLength(2);
    expect(asked[1]).toContain("offset=400");
    // A version that the window already has is not fetched again.
    asked.length = 0;
    refreshImages(client);
    await summary.refetch();
    expect(asked.every((path) => path.includes("since=2"))).toBe(true);
    leave();
  });

  test.each([
    ["rejects the parameters", 422],
    ["ignores them", { images: [image("a")] }],
  ])("says that a backend has no catalogue where it %s", async (_, answer) => {
    serve(() => answer);
    const client = createQueryClient();
    expect(await client.query(summaryOf(client))).toBeNull();
  });

  test("does not take a failure for a missing catalogue", async () => {
    serve(() => 400);
    const client = createQueryClient();
    await expect(client.query(summaryOf(client))).rejects.toThrow("no such page");
  });
});

test("places that were scrolled past are not requested, or their request is aborted", async () => {
  vi.useFakeTimers();
  const { asked, aborted } = serve(() => new Promise(() => undefined));
  const client = createQueryClient();
  const look = (offset: number) =>
    new QueryObserver(client, blockOf(everything, offset)).subscribe(() => undefined);
  look(200)();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked).toEqual([]);
  const leave = look(400);
  await vi.advanceTimersByTimeAsync(100);
  expect(asked).toHaveLength(1);
  expect(asked[0]).toMatch(/order=newest&offset=400&limit=200/);
  leave();
  await vi.advanceTimersByTimeAsync(1);
  expect(aborted).toEqual(asked);
});

describe("the keys of a range", () => {
  const pageOf = (query: URLSearchParams, version: string) => {
    const offset = Number(query.get("offset"));
    const count = Math.max(0, Math.min(Number(query.get("limit")), 2_500 - offset));
    const images = Array.from({ length: count }, (_, i) => ({ key: `k${offset + i}` }));
    return { images, total: 2_500, offset, version };
  };

  test("come in pages, and nothing else does", async () => {
    const { asked } = serve((query) => pageOf(query, "1"));
    const keys = await keysOf({ ...everything, q: "cat" }, 100, 2_200);
    expect([keys.length, keys[0], keys.at(-1)]).toEqual([2_100, "k100", "k2199"]);
    expect(asked).toHaveLength(3);
    expect(asked[2]).toBe("/images?order=newest&q=cat&offset=2100&limit=100&fields=key");
    expect(await keysOf(everything, 2_000, 9_000)).toHaveLength(500);
  });
  test("are read again where the list changed between two pages", async () => {
    let calls = 0;
    serve((query) => pageOf(query, calls++ === 0 ? "1" : "2"));
    expect(await keysOf(everything, 0, 2_000)).toHaveLength(2_000);
    expect(calls).toBe(4);
  });
});

test("a photo has the name that it was shown with", async () => {
  serve(() => ({
    images: [{ ...image("uploads/a_20260101-120000_00000001.jpg"), name: "Holiday/a.jpg" }],
    total: 1,
    offset: 0,
    version: "1",
  }));
  const client = createQueryClient();
  await client.query(blockOf(everything, 0));
  expect(knownName(client, "uploads/a_20260101-120000_00000001.jpg")).toBe("Holiday/a.jpg");
  expect(knownName(client, "uploads/b_20260101-120000_00000001.jpg")).toBe("b.jpg");
});

test("a list whose later page fails does not count as complete", async () => {
  let there = false;
  serve((query) => {
    if (!query.has("next_token")) return { images: [image("a")], next_token: "second" };
    return there ? { images: [image("b")] } : 400;
  });
  const client = createQueryClient();
  const observer = new QueryObserver(client, listOf(client));
  const broken = await observer.refetch();
  expect(broken.data).toEqual({ images: [image("a")], complete: false });
  expect(listProblem(broken)?.message).toBe("no such page");
  there = true;
  const whole = await observer.refetch();
  expect(whole.data).toEqual({ images: [image("a"), image("b")], complete: true });
  expect(listProblem(whole)).toBeNull();
  // A complete list stays complete when a later refresh fails.
  there = false;
  const old = await observer.refetch();
  expect(old.error).not.toBeNull();
  expect(listProblem(old)).toBeNull();
});
