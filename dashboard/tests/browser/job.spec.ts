// A job while it runs, and the history of many.
import { expect, expectAccessible, skipWhereItCannotRun, test } from "./fixtures";
import { brokenJpeg, makePng, noPhotos, photos } from "./images";

skipWhereItCannotRun();

test("a running job shows its progress and its images, and is cancelled and run on", async ({
  page,
  service,
}) => {
  test.skip(photos().length === 0, noPhotos);
  const keys = await Promise.all(photos().map((file) => service.storeFile(file)));
  const job = await service.submit(Array.from({ length: 3000 }, () => keys).flat());
  await page.goto(`/job/${job}`);
  await expect(page.getByRole("heading", { name: "Just finished" })).toBeVisible();
  const bar = page.getByRole("progressbar", { name: "Photos classified" });
  await expect(bar).toBeVisible();
  // Events, not only asking: the number moves between two calls of /status.
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  const done = page.locator(".live-number strong");
  const before = await done.textContent();
  await expect(done).not.toHaveText(before ?? "");
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

test("progress goes on by asking where events do not come", async ({ page, service }) => {
  const keys = await Promise.all(
    [...Array(5).keys()].map((i) => service.store(`poll-${i}.png`, makePng(4000 + i), "image/png")),
  );
  await page.route("**/events/*", (route) => route.abort());
  const job = await service.submit(Array.from({ length: 120 }, () => keys).flat());
  await page.goto(`/job/${job}`);
  await expect(page.getByRole("heading", { name: "Labels" })).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole("region", { name: "Summary" })).toContainText("Photos600");
});

test("failed images have their reasons and are run again with one click", async ({
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

test("hundreds of jobs are filtered, sorted, searched and loaded as needed", async ({
  page,
  service,
}) => {
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
  const last = await service.submit([key]);
  await service.finish(last);
  await page.goto("/history");
  await expect(page.getByRole("row", { name: new RegExp(last) })).toBeVisible();
  await expect(page.getByRole("button", { name: "Load more" })).toBeVisible();
  await page.getByLabel("Kind").selectOption("custom_classification");
  await expect(page.getByRole("status").filter({ hasText: "65 jobs match" })).toBeVisible();
  await page.getByLabel("Kind").selectOption("");
  await page.getByRole("button", { name: "Photos" }).click();
  await expect(page.getByRole("button", { name: "Load more" })).toBeHidden();
  await expect(page.getByRole("row").nth(1)).toContainText("7");
  await page.getByLabel(/^Search id/).fill(last);
  await expect(page.getByRole("row")).toHaveCount(2);
  await expectAccessible(page);
  await page.getByRole("link", { name: /ImageNet classes/ }).click();
  await expect(page).toHaveURL(`/job/${last}`);
  await page.goBack();
  await expect(page.getByLabel(/^Search id/)).toHaveValue(last);
});
