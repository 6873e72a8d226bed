import { QueryObserver } from "@tanstack/react-query";
import { afterEach, expect, test, vi } from "vitest";
import { createQueryClient, imagesOf, listProblem } from "./queries";

// Answers by path and query; undefined is an address where nothing is.
function serve(answers: (path: string) => unknown): void {
  vi.stubGlobal("location", { origin: "http://page.example" });
  vi.stubGlobal("fetch", (path: string) => {
    const body = answers(path);
    return Promise.resolve(
      body === undefined
        ? Response.json({ error: "no such page" }, { status: 400 })
        : Response.json(body),
    );
  });
}

afterEach(() => vi.unstubAllGlobals());

const image = (key: string) => ({ key, size: 1, last_modified: "2026-01-31T12:00:00Z" });

test("a list whose later page fails is not taken for all of it", async () => {
  let there = false;
  serve((path) => {
    if (!path.includes("next_token")) return { images: [image("a")], next_token: "second" };
    return there ? { images: [image("b")] } : undefined;
  });
  const client = createQueryClient();
  const observer = new QueryObserver(client, imagesOf(client));
  const broken = await observer.refetch();
  expect(broken.data).toEqual({ images: [image("a")], complete: false });
  expect(listProblem(broken)?.message).toBe("no such page");

  there = true;
  const whole = await observer.refetch();
  expect(whole.data).toEqual({ images: [image("a"), image("b")], complete: true });
  expect(listProblem(whole)).toBeNull();

  // What is whole stays so while a later look at the list fails.
  there = false;
  const old = await observer.refetch();
  expect(old.error).not.toBeNull();
  expect(listProblem(old)).toBeNull();
});
