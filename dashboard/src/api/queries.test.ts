import { afterEach, describe, expect, test, vi } from "vitest";
import { createQueryClient, newestJobs, withNewest } from "./queries";
import type { JobPage, JobStatus, JobSummary } from "../domain/types";

// Answers by path and query; undefined gives an error.
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

const job = (job_id: string, status: JobStatus = "completed"): JobSummary => ({
  job_id,
  status,
  job_type: "image_classification",
  model: "mobilenet_v2",
  created_at: "2026-01-31T12:00:00.000Z",
  num_images: 3,
  done: 3,
  failed: 0,
});
const page = (total: number, ids: string, next_token?: string): JobPage => ({
  jobs: ids.split(" ").map((id) => job(id)),
  total,
  ...(next_token ? { next_token } : {}),
});

describe("many pages of jobs", () => {
  const loaded = {
    pages: [page(8, "h g", "1"), page(8, "f e", "2"), page(8, "d c", "3"), page(8, "b a")],
    pageParams: ["", "1", "2", "3"],
  };
  const ids = (pages: readonly JobPage[]) =>
    pages.flatMap(({ jobs }) => jobs.map(({ job_id }) => job_id)).join(" ");

  test("get new jobs in front, and changed ones updated, every 30 seconds", async () => {
    const filter = { status: "", job_type: "" };
    const asked: string[] = [];
    serve((path) => {
      asked.push(path);
      return { ...page(9, "i h", "i-h"), jobs: [job("i"), job("h", "cancelled")] };
    });
    const client = createQueryClient();
    client.setQueryData(["jobs", filter], loaded);
    const options = newestJobs(client, filter);
    await client.query(options);
    const { pages, pageParams } = client.getQueryData<typeof loaded>(["jobs", filter]) ?? loaded;
    expect(ids(pages)).toBe("i h g f e d c b a");
    expect(pages[0]?.jobs[1]?.status).toBe("cancelled");
    expect(pages[0]?.total).toBe(9);
    expect(pageParams).toEqual(loaded.pageParams);
    expect(asked).toEqual(["/jobs?limit=100"]);
    expect(options.refetchInterval).toBe(30_000);
  });

  test("lose jobs that have left the list", () => {
    expect(ids(withNewest(loaded, page(7, "i h f", "i-f")).pages)).toBe("i h f e d c b a");
  });

  test("start over where the new page does not overlap them, or is all there is", () => {
    const far = page(100, "z y", "z-y");
    expect(withNewest(loaded, far)).toEqual({ pages: [far], pageParams: [""] });
    expect(ids(withNewest(loaded, page(2, "h a")).pages)).toBe("h a");
  });
});
