// Running jobs, and the history of many.
import type { Page } from "@playwright/test";
import { expect, expectAccessible, skipWhereItCannotRun, test } from "./fixtures";
import { brokenJpeg, makePng, noPhotos, photos } from "./images";
import { Service } from "./service";

skipWhereItCannotRun();

test("a running job shows its progress and its images, and is cancelled and resumed", async ({
  page,
  forgetful: service,
}) => {
  test.skip(photos().length === 0, noPhotos);
  const keys = await Promise.all(photos().map((file) => service.storeFile(file)));
  const job = await service.submit(Array.from({ length: 3000 }, () => keys).flat());
  await page.goto(`${service.url}/job/${job}`);
  await expect(page.getByRole("heading", { name: "Just finished" })).toBeVisible();
  const bar = page.getByRole("progressbar", { name: "Photos classified" });
  await expect(bar).toBeVisible();
  // Events, not only polling: the number changes between two calls of /status.
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  const done = page.locator(".live-number strong");
  const before = await done.textContent();
  await expect(done).not.toHaveText(before ?? "");
  // The thumbnails keep up while images arrive without a pause, on a busy machine after a while.
  await expect(page.locator(".tiles > li")).toHaveCount(48, { timeout: 100_000 });
  await expectAccessible(page);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByText("This job was cancelled.")).toBeVisible();
  await expect(page.getByText("Not run")).toBeVisible();
  await expect(page.getByRole("heading", { name: /photos? not classified/ })).toBeVisible();
  await page.getByRole("button", { name: "Run them again" }).click();
  await expect(bar).toBeVisible();
  await service.post(`/jobs/${job}/cancel`, {});
  await expect(page.getByText("This job was cancelled.")).toBeVisible();
  expect(asked).toContain(`/result/${job}`);
});

test("progress continues by polling where events do not arrive", async ({ page, service }) => {
  const keys = await Promise.all(
    [...Array(5).keys()].map((i) => service.store(`poll-${i}.png`, makePng(4000 + i), "image/png")),
  );
  await page.route("**/events/*", (route) => route.abort());
  const job = await service.submit(Array.from({ length: 40 }, () => keys).flat());
  await page.goto(`/job/${job}`);
  await service.finish(job);
  await expect(page.getByRole("heading", { name: "Labels" })).toBeVisible();
  await expect(page.getByRole("region", { name: "Summary" })).toContainText("Photos200");
});

test("failed images show their reasons and are run again with one click", async ({
  page,
  service,
}) => {
  const job = await service.submit([await service.store("torn.jpg", brokenJpeg)]);
  await service.finish(job);
  await page.goto(`/job/${job}`);
  await expect(page.getByText("This job failed.")).toBeVisible();
  await expect(page.getByText(/JPEG is truncated/).first()).toBeVisible();
  await expectAccessible(page);
  const again = page.waitForResponse(`**/jobs/${job}/retry`);
  await page.getByRole("button", { name: "Run it again" }).click();
  expect((await again).status()).toBe(202);
  await expect(page.getByText("Running again")).toBeVisible();
  await expect(page.getByText("This job failed.")).toBeVisible();
});

// Has its own service, because jobs of other tests would be counted too.
async function walkThroughHistory(page: Page, service: Service): Promise<void> {
  const key = await service.store("history.png", makePng(5000), "image/png");
  const custom = { job_type: "custom_classification", custom_labels: ["a", "b"] };
  for (let i = 0; i < 130; i += 10) {
    await Promise.all(
      Array.from({ length: 10 }, (_, k) =>
        service.submit(
          Array.from({ length: 1 + ((i + k) % 7) }, () => key),
          k % 2 ? custom : {},
        ),
      ),
    );
  }
  const named = { job_type: "custom_classification", custom_labels: ["walrus", "beach"] };
  await service.submit([key], named);
  const last = await service.submit([key]);
  await service.finish(last);
  await page.goto(`${service.url}/history`);
  await expect(page.getByRole("row", { name: new RegExp(last) })).toBeVisible();
  await expect(page.getByRole("button", { name: "Load more" })).toBeVisible();
  await page.getByLabel("Kind").selectOption("custom_classification");
  await expect(page.getByRole("status").filter({ hasText: "66 jobs match" })).toBeVisible();
  await page.getByLabel("Kind").selectOption("");
  await page.getByRole("button", { name: "Photos" }).click();
  await expect(page.getByRole("button", { name: "Load more" })).toBeHidden();
  await expect(page.getByRole("row").nth(1)).toContainText("7");
  await page.getByLabel(/^Search name/).fill(last);
  await expect(page.getByRole("row")).toHaveCount(2);
  await expectAccessible(page);
  // Status and categories are found too.
  await page.getByLabel(/^Search name/).fill("no such words");
  await expect(page.getByRole("heading", { name: "No job matches" })).toBeVisible();
  await page.getByLabel(/^Search name/).fill("walrus");
  await expect(page.getByRole("row", { name: /Your categories.*walrus/ })).toBeVisible();
  await expect(page.getByRole("row")).toHaveCount(2);
  await page.getByLabel(/^Search name/).fill("done");
  await expect(page.getByRole("row").nth(1)).toContainText("Done");
  await page.getByLabel(/^Search name/).fill(last);
  await expect(page.getByRole("row")).toHaveCount(2);
  await page.getByRole("link", { name: /ImageNet classes/ }).click();
  await expect(page).toHaveURL(`${service.url}/job/${last}`);
  await page.goBack();
  await expect(page.getByLabel(/^Search name/)).toHaveValue(last);
}

test("hundreds of jobs are filtered, sorted, searched and loaded as needed", async ({ page }) => {
  const service = await new Service().start();
  try {
    await walkThroughHistory(page, service);
  } finally {
    await service.remove();
  }
});

test("new jobs appear in a history of many pages too", async ({ page }) => {
  const jobs = ["job-5", "job-4", "job-3", "job-2", "job-1"];
  await page.route(/\/jobs\?/, (route) => {
    const at = Number(new URL(route.request().url()).searchParams.get("next_token") ?? 0);
    const job = {
      job_id: jobs[at],
      status: "completed",
      job_type: "image_classification",
      model: "mobilenet_v2",
      created_at: "2026-01-31T12:00:00.000Z",
      completed_at: "2026-01-31T12:00:01.000Z",
      num_images: 1,
      done: 1,
      failed: 0,
    };
    const more = at + 1 < jobs.length ? { next_token: String(at + 1) } : {};
    return route.fulfill({ json: { jobs: [job], total: jobs.length, ...more } });
  });
  await page.clock.install();
  await page.goto("/history");
  await page.getByRole("button", { name: "Model" }).click();
  await expect(page.getByRole("row", { name: /job-1/ })).toBeVisible();
  jobs.splice(0, 1, "job-6", "job-5");
  await page.clock.fastForward(31_000);
  // Its page of one job does not overlap the others, so they are all requested.
  await expect(page.getByRole("row", { name: /job-6/ })).toBeVisible();
  await expect(page.getByRole("row", { name: /job-1/ })).toBeVisible();
  await expect(page.getByRole("row")).toHaveCount(7);
});

test("a result of 20,000 images is loaded, grouped, sorted and scrolled", async ({
  page,
  service,
}) => {
  test.setTimeout(120_000);
  const keys = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      service.store(`large-${i}.png`, makePng(6000 + i), "image/png"),
    ),
  );
  // Most of them are missing from the store, which is quick to find out.
  const missing = Array.from({ length: 19_980 }, (_, i) => `uploads/missing-${i}.png`);
  const job = await service.submit([...keys, ...missing], { confidence_threshold: 0 });
  await service.finish(job);
  await page.goto(`/job/${job}`);
  const numbers = page.getByRole("region", { name: "Summary" });
  await expect(numbers).toContainText("Photos20,000Classified20Unknown0Failed19,980", {
    timeout: 180_000,
  });
  await page.getByRole("button", { name: "Show all 19,980 in the table" }).click();
  const table = page.getByRole("table");
  await expect(table).toHaveAttribute("aria-rowcount", "19981");
  await page.getByRole("button", { name: "Photo", exact: true }).click();
  await expect(page.getByRole("row").nth(1)).toContainText("missing-0.png");
  await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
  await expect(page.getByRole("row", { name: /missing-19979/ })).toBeVisible();
  await page.getByLabel("Search names and labels").fill("MISSING 19979");
  await expect(table).toHaveAttribute("aria-rowcount", "2");
});
