// The list of jobs: what it counts, finds, remembers, and what can be done with a job.
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { expect, expectAccessible, skipWhereItCannotRun, test } from "./fixtures";
import { Service, root } from "./service";

skipWhereItCannotRun();

interface Job {
  job_id: string;
  name?: string;
  status: string;
  [field: string]: unknown;
}

// A server with these jobs, in place of the real one, so that the test also runs with an older program.
async function serveJobs(page: Page, count: number): Promise<Job[]> {
  const jobs: Job[] = Array.from({ length: count }, (_, i) => ({
    job_id: `019370a4-0000-7000-8000-${String(i).padStart(12, "0")}`,
    ...(i % 10 === 0 ? { name: `Café ${i}` } : {}),
    status: i === 1 ? "processing" : "completed",
    job_type: "image_classification",
    model: "mobilenet_v2",
    created_at: "2026-01-31T12:00:00Z",
    started_at: "2026-01-31T12:02:10Z",
    ...(i === 1 ? {} : { completed_at: "2026-01-31T12:02:24Z" }),
    num_images: i,
    done: i === 1 ? 0 : i,
    total: i,
    failed: 0,
  }));
  await page.route(/\/jobs(\?|\/|$)/, async (route) => {
    const request = route.request();
    const { pathname, searchParams } = new URL(request.url());
    const id = pathname.split("/")[2];
    if (!id) {
      const from = Number(searchParams.get("next_token") ?? 0);
      const to = from + Number(searchParams.get("limit") ?? 100);
      const more = to < jobs.length ? { next_token: String(to) } : {};
      return route.fulfill({ json: { jobs: jobs.slice(from, to), total: jobs.length, ...more } });
    }
    const at = jobs.findIndex(({ job_id }) => job_id === id);
    const job = jobs[at];
    if (!job) return route.fulfill({ status: 404, json: { error: "there is no such job" } });
    if (request.method() === "DELETE") jobs.splice(at, 1);
    if (request.method() === "PATCH") {
      delete job.name;
      const { name } = request.postDataJSON() as { name: string };
      if (name) job.name = name;
    }
    return route.fulfill({ json: job });
  });
  return jobs;
}

test("counts what it shows, and keeps search, order and place after Back", async ({ page }) => {
  await serveJobs(page, 320);
  await page.goto("/history");
  await expect(page.getByRole("status").filter({ hasText: /^320 jobs$/ })).toBeVisible();
  await page.getByRole("searchbox").fill("CAFE 2026");
  await expect(page.getByText("32 jobs match", { exact: true })).toBeVisible();
  // The run took 14 s, though the job is older.
  await expect(page.getByRole("row", { name: /Café 10\b/ })).toContainText("14 s");
  await page.getByRole("button", { name: "Photos", exact: true }).click();
  await page.getByRole("button", { name: "Photos", exact: true }).click();
  await expect(page.getByRole("columnheader", { name: "Photos" })).toHaveAttribute(
    "aria-sort",
    "ascending",
  );
  await expect(page).toHaveURL(/q=CAFE\+2026&sort=photos$/);
  await expectAccessible(page);

  await page.getByRole("link", { name: /Café 0\b/ }).hover();
  await page.mouse.wheel(0, 700);
  await expect.poll(() => page.evaluate(() => window.scrollY)).toBeGreaterThan(300);
  await page.waitForTimeout(300); // the place is noted when the scrolling rests
  const place = await page.evaluate(() => window.scrollY);
  await page.getByRole("navigation").getByRole("link", { name: "Settings" }).click();
  await expect(page.getByRole("heading", { name: "Settings" })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole("searchbox")).toHaveValue("CAFE 2026");
  await expect.poll(() => page.evaluate(() => window.scrollY)).toBe(place);
});

test("a job is renamed and deleted, several at once, and two are compared", async ({ page }) => {
  const jobs = await serveJobs(page, 12);
  await page.goto("/history");
  await page.getByRole("button", { name: "Actions for Café 10" }).click();
  await expectAccessible(page);
  await page.getByRole("menuitem", { name: "Rename" }).click();
  const dialog = page.getByRole("dialog", { name: "Rename the job" });
  await dialog.getByLabel("Name").fill("Summer");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("row", { name: /Summer/ })).toBeVisible();
  await expect(dialog).toBeHidden();

  await page.getByRole("button", { name: "Actions for Summer" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  const question = page.getByRole("alertdialog");
  await expect(question).toContainText("Summer: its results and sorted copies are deleted.");
  await question.getByRole("button", { name: "Delete job" }).click();
  await expect(page.getByText("1 job deleted")).toBeVisible();
  await expect(page.getByRole("row", { name: /Summer/ })).toBeHidden();
  await expect(page.getByText("11 jobs", { exact: true })).toBeVisible();

  // The running one stays.
  const boxes = page.getByRole("checkbox");
  for (const i of [0, 1, 2]) await boxes.nth(i).check();
  const bar = page.getByRole("group", { name: "Selected jobs" });
  await expect(bar.getByRole("button", { name: "Compare" })).toBeDisabled();
  await expectAccessible(page);
  await bar.getByRole("button", { name: "Delete" }).click();
  await expect(question).toContainText("1 job still runs and stays.");
  await question.getByRole("button", { name: "Delete 2 jobs" }).click();
  await expect(page.getByText("9 jobs", { exact: true })).toBeVisible();
  await expect(bar).toBeHidden();

  await boxes.nth(1).check();
  await boxes.nth(2).check();
  await bar.getByRole("button", { name: "Compare" }).click();
  await expect(page).toHaveURL(new RegExp(`/job/${jobs[1]?.job_id}\\?with=${jobs[2]?.job_id}$`));
});

test("an older server says that it cannot rename", async ({ page }) => {
  await serveJobs(page, 1);
  await page.route(/\/jobs\/./, (route) =>
    route.request().method() === "PATCH"
      ? route.fulfill({ status: 405, json: { error: "PATCH is not allowed here" } })
      : route.fallback(),
  );
  await page.goto("/history");
  await page.getByRole("button", { name: "Actions for Café 0" }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText(/older than the page and cannot do this/).first()).toBeVisible();
});

test("an old tab offers to reload after the server was upgraded", async ({ page }) => {
  const dist = join(root, "dashboard/dist");
  const newer = mkdtempSync(join(tmpdir(), "classifier-newer-"));
  cpSync(dist, newer, { recursive: true });
  const settings = { DASHBOARD_DIR: dist };
  const own = await new Service(settings).start();
  try {
    await page.goto(`${own.url}/history`);
    await expect(page.getByRole("heading", { name: "No jobs yet" })).toBeVisible();
    await own.stop();
    // The assets of the old page are gone.
    const old =
      readdirSync(join(newer, "assets")).find((name) => /^index-.*\.js$/.test(name)) ?? "";
    for (const end of ["", ".gz"])
      renameSync(join(newer, "assets", old + end), join(newer, "assets", `index-newer.js${end}`));
    const index = readFileSync(join(newer, "index.html"), "utf8").replace(old, "index-newer.js");
    writeFileSync(join(newer, "index.html"), index);
    renameSync(join(newer, "index.html.gz"), join(newer, "unused"));
    settings.DASHBOARD_DIR = newer;
    await page.getByRole("link", { name: "Settings" }).click();
    await page.evaluate(() => window.dispatchEvent(new Event("visibilitychange")));
    await expect(page.getByText("No connection to the server.")).toBeVisible();
    await own.start();
    await expect(page.getByText("The server has a newer version of this page.")).toBeVisible();
    await expectAccessible(page);
    // The old page still works.
    await page.getByRole("link", { name: "History" }).click();
    await expect(page.getByRole("heading", { name: "No jobs yet" })).toBeVisible();
    await page.getByRole("button", { name: "Reload" }).click();
    await expect(page.locator('script[src="/assets/index-newer.js"]')).toHaveCount(1);
    await expect(page.getByRole("heading", { name: "No jobs yet" })).toBeVisible();
    await expect(page.getByText("newer version")).toBeHidden();
  } finally {
    await own.remove();
  }
});
