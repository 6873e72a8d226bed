// Screenshots of every page, for the documentation and for work on the design.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { makePng, brokenJpeg } from "./images";
import { root } from "./service";
import { expect, test } from "./fixtures";

const out = process.env.SCREENSHOTS ?? join(root, "docs/images");
const samples = join(root, ".deps/samples");

interface Look {
  name: string;
  width: number;
  height: number;
  scheme: "light" | "dark";
}

const looks: Look[] = [
  { name: "light", width: 1440, height: 900, scheme: "light" },
  { name: "dark", width: 1440, height: 900, scheme: "dark" },
  { name: "phone", width: 360, height: 800, scheme: "light" },
  ...(process.env.MORE_LOOKS
    ? [
        { name: "phone-dark", width: 360, height: 800, scheme: "dark" as const },
        { name: "large", width: 2560, height: 1440, scheme: "light" as const },
        { name: "tablet", width: 820, height: 1100, scheme: "dark" as const },
      ]
    : []),
];

test("screenshots", async ({ service, browser }) => {
  test.setTimeout(600_000);
  test.skip(
    !existsSync(samples),
    `there are no sample photos at ${samples} (run scripts/run.sh once)`,
  );
  const shots = async (
    name: string,
    path: string,
    ready: (page: import("@playwright/test").Page) => Promise<void>,
  ) => {
    for (const look of looks) {
      const context = await browser.newContext({
        viewport: { width: look.width, height: look.height },
        colorScheme: look.scheme,
        baseURL: service.url,
      });
      const page = await context.newPage();
      await page.goto(path);
      await ready(page);
      // Wait for images and transitions.
      await page.evaluate(() =>
        Promise.all(
          [...document.images]
            .filter((i) => i.loading !== "lazy" || i.getBoundingClientRect().top < innerHeight)
            .map((i) => i.decode().catch(() => undefined)),
        ),
      );
      await page.waitForTimeout(400);
      await page.screenshot({
        path: join(out, `${name}-${look.name}.jpg`),
        type: "jpeg",
        quality: 85,
      });
      await context.close();
    }
  };

  await shots("photos-empty", "/", async (page) => {
    await expect(page.getByRole("heading", { name: "Add photos" })).toBeVisible();
  });
  await shots("history-empty", "/history", async (page) => {
    await expect(page.getByText("No jobs yet")).toBeVisible();
  });

  const broken = await service.store("holiday-2.jpg", brokenJpeg);
  const half = await service.store("scan.jpg", brokenJpeg);
  const files = readdirSync(samples).map((name) => join(samples, name));
  const keys: string[] = [];
  for (let round = 0; round < 6; round += 1) {
    for (const file of files) keys.push(await service.storeFile(file));
  }
  const labels = ["cat", "person", "rocket", "coffee", "building", "flower", "motorcycle", "beach"];
  const custom = await service.submit(keys, {
    job_type: "custom_classification",
    custom_labels: labels,
  });
  await service.finish(custom);
  const plain = await service.submit(keys, { confidence_threshold: 0.5 });
  await service.finish(plain);
  const failed = await service.submit([broken, half]);
  await service.finish(failed);
  const mixed = await service.submit([...keys, broken, half], {
    custom_labels: labels,
    job_type: "custom_classification",
  });
  await service.finish(mixed);

  await shots("photos", "/", async (page) => {
    await expect(page.getByRole("gridcell").first()).toBeVisible();
    for (const n of [1, 2, 4])
      await page.getByRole("gridcell").nth(n).locator("[data-check]").click();
  });
  await shots("photos-labels", `/?job=${custom}`, async (page) => {
    await expect(page.getByRole("gridcell", { name: /, cat$/ }).first()).toBeVisible();
  });
  await shots("new-job", "/new", async (page) => {
    await page.getByRole("radio", { name: "Your categories" }).check();
    await page.getByRole("button", { name: /^Animals/ }).click();
  });
  await shots("job-done", `/job/${custom}`, async (page) => {
    await expect(page.getByRole("heading", { name: "Labels" })).toBeVisible();
  });
  await shots("job-table", `/job/${mixed}?view=table`, async (page) => {
    await expect(page.getByRole("table")).toBeVisible();
  });
  await shots("job-failed", `/job/${failed}`, async (page) => {
    await expect(page.getByText("This job failed.")).toBeVisible();
  });
  await shots("preview", `/job/${custom}?label=cat`, async (page) => {
    await page
      .getByRole("button", { name: /chelsea/ })
      .first()
      .click();
    await expect(page.getByRole("heading", { name: "Predictions" })).toBeVisible();
  });
  await shots("history", "/history", async (page) => {
    await expect(page.getByRole("table")).toBeVisible();
  });
  await shots("offline", "/history", async (page) => {
    await page.route(/\/(jobs|ready|images|models)/, (route) => route.abort());
    await page.reload();
    await expect(page.getByText("No connection to the server.")).toBeVisible();
  });
  await shots("settings", "/settings", async (page) => {
    await page.getByRole("button", { name: "Check health" }).click();
    await expect(page.getByText("Healthy.")).toBeVisible();
  });
  // A job that runs long enough for its screenshots.
  const many = [
    ...keys,
    ...(await Promise.all(
      Array.from({ length: 8 }, (_, i) => service.store(`p${i}.png`, makePng(i, 64), "image/png")),
    )),
  ];
  const long = await service.submit(Array.from({ length: 400 }, () => many).flat());
  await shots("job-running", `/job/${long}`, async (page) => {
    await expect(page.getByRole("heading", { name: "Just finished" })).toBeVisible();
  });
  await service.post(`/jobs/${long}/cancel`, {});
});
