// Failures: each leads to a message and a way to continue.
import { expect, expectAccessible, skipWhereItCannotRun, test } from "./fixtures";
import { brokenJpeg, folderWith, makePng } from "./images";
import { Service } from "./service";

skipWhereItCannotRun();

const answer500 = { status: 500, json: { error: "the disk of the server is full" } };

test("an unreachable server is reported, and found again when it is back", async ({ page }) => {
  const own = await new Service().start();
  try {
    await own.store("before.png", makePng(1), "image/png");
    await page.goto(own.url);
    await expect(page.getByRole("gridcell")).toHaveCount(1);
    await own.stop();
    await page.getByRole("link", { name: "History" }).click();
    await expect(page.getByRole("heading", { name: "The server cannot be reached" })).toBeVisible();
    await expectAccessible(page);
    await own.start();
    // Without a click.
    await expect(page.getByRole("heading", { name: "No jobs yet" })).toBeVisible({
      timeout: 20_000,
    });
  } finally {
    await own.remove();
  }
});

test("uploads wait for an unreachable server, and lose nothing", async ({ page }) => {
  const own = await new Service().start();
  try {
    await page.goto(own.url);
    await expect(page.getByRole("heading", { name: "Add photos" })).toBeVisible();
    await own.stop();
    const files = Object.fromEntries(
      Array.from({ length: 6 }, (_, i) => [`w${i}.png`, makePng(i)]),
    );
    await page.getByLabel("Folder to upload").setInputFiles(folderWith(files));
    const dock = page.getByRole("region", { name: "Uploads" });
    await expect(dock).toContainText("The server cannot be reached.");
    // Leaving now would lose them, so the browser asks.
    const asked = page.waitForEvent("dialog");
    void page.close({ runBeforeUnload: true });
    const dialog = await asked;
    expect(dialog.type()).toBe("beforeunload");
    await dialog.dismiss();
    await own.start();
    await expect(dock).toContainText("6 photos uploaded");
  } finally {
    await own.remove();
  }
});

test("an upload is cancelled, and what was sent stays", async ({ page }) => {
  let sent = 0;
  // The first arrives; the others hang until they are cancelled.
  await page.route("**/objects/**", (route) => (sent++ === 0 ? route.continue() : undefined));
  await page.goto("/");
  const files = Object.fromEntries(
    Array.from({ length: 9 }, (_, i) => [`c${i}.png`, makePng(500 + i, 200)]),
  );
  await page.getByLabel("Folder to upload").setInputFiles(folderWith(files));
  const dock = page.getByRole("region", { name: "Uploads" });
  await expect(dock).toContainText("Uploading 9 photos");
  await expect(dock).toContainText("1 of 9");
  await expect(dock.getByRole("progressbar")).toBeVisible();
  await dock.getByRole("button", { name: "Cancel" }).click();
  await expect(dock).toContainText("1 photo uploaded");
  await expect(page.getByRole("gridcell", { name: /\bc\d\.png/ })).toHaveCount(1);
});

test("an upload whose tab was closed is reported on return", async ({ page }) => {
  await page.addInitScript(() => {
    localStorage.setItem("classifier.upload", JSON.stringify({ done: 412, total: 1000 }));
  });
  await page.goto("/");
  await expect(page.getByText("412 of 1,000 photos are stored")).toBeVisible();
  await page.getByRole("button", { name: "Dismiss" }).click();
  await expect(page.getByText("412 of 1,000")).toBeHidden();
});

test("500 is shown with the server's message, and can be retried", async ({ page }) => {
  for (const [path, api] of [
    ["/", "**/images?*"],
    ["/history", "**/jobs?*"],
    ["/new", "**/models"],
  ] as const) {
    await page.route(api, (route) => route.fulfill(answer500));
    await page.goto(path);
    await expect(page.getByText("The disk of the server is full.")).toBeVisible();
    await expectAccessible(page);
    await page.unroute(api);
    await page.getByRole("button", { name: "Try again" }).click();
    await expect(page.getByText("The disk of the server is full.")).toBeHidden();
  }
});

test("500 for a job, its result and its start is shown, and can be retried", async ({
  page,
  service,
}) => {
  const job = await service.submit([await service.store("e.png", makePng(110), "image/png")]);
  await service.finish(job);
  for (const api of [`**/status/${job}`, `**/jobs/${job}`, `**/result/${job}*`]) {
    await page.route(api, (route) => route.fulfill(answer500));
    await page.goto(`/job/${job}`);
    await expect(page.getByText("The disk of the server is full.")).toBeVisible();
    await page.unroute(api);
    await page.getByRole("button", { name: "Try again" }).click();
    await expect(page.getByRole("region", { name: "Summary" })).toContainText("Photos1");
  }
  await page.route("**/submit", (route) => route.fulfill(answer500));
  await page.goto("/new");
  await page.getByRole("button", { name: /^Classify \d/ }).click();
  await expect(page.getByText("The job was not started").first()).toBeVisible();
  await page.unroute("**/submit");
  await page.getByRole("button", { name: /^Classify \d/ }).click();
  await expect(page).toHaveURL(/\/job\//);
});

test("a page says that a server takes five seconds", async ({ page, service }) => {
  const job = await service.submit([await service.store("s.png", makePng(111), "image/png")]);
  await service.finish(job);
  for (const [path, api] of [
    ["/", "**/images?*"],
    ["/history", "**/jobs?*"],
    ["/new", "**/models"],
    [`/job/${job}`, `**/status/${job}`],
  ] as const) {
    await page.route(api, async (route) => {
      await new Promise((done) => setTimeout(done, 5_000));
      await route.continue();
    });
    await page.goto(path);
    await expect(page.getByText("taking longer than usual")).toBeVisible();
    await expectAccessible(page);
    await expect(page.getByText("taking longer than usual")).toBeHidden();
    await page.unroute(api);
  }
});

test("a missing job leads to the list of jobs", async ({ page }) => {
  await page.goto("/job/019370a4-0000-7000-8000-000000000000");
  await expect(page.getByRole("heading", { name: "Job not found" })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("link", { name: "See all jobs" }).click();
  await expect(page.getByRole("heading", { name: "History" })).toBeVisible();
  await page.goto("/nowhere");
  await expect(page.getByRole("heading", { name: "Page not found" })).toBeVisible();
});

test("a job that vanishes while its page is open", async ({ page, service }) => {
  const key = await service.store("v.png", makePng(60), "image/png");
  const job = await service.submit(Array.from({ length: 4000 }, () => key));
  await page.route("**/events/*", (route) => route.abort());
  await page.goto(`/job/${job}`);
  await expect(page.getByRole("progressbar")).toBeVisible();
  await page.route(`**/status/${job}`, (route) =>
    route.fulfill({ status: 404, json: { error: "Job not found" } }),
  );
  await expect(page.getByRole("heading", { name: "Job not found" })).toBeVisible();
  await service.post(`/jobs/${job}/cancel`, {}).catch(() => undefined);
});

test("an expired upload URL is requested again", async ({ page }) => {
  let refused = 0;
  await page.route("**/objects/**", async (route) => {
    if (refused++ > 0) return route.continue();
    // The real rejection of a real URL that has expired.
    const url = new URL(route.request().url());
    url.searchParams.set("expires", "1");
    return route.continue({ url: url.href });
  });
  await page.goto("/");
  await page
    .getByLabel("Photos to upload")
    .setInputFiles(`${folderWith({ "late.png": makePng(70) })}/late.png`);
  await expect(page.getByRole("region", { name: "Uploads" })).toContainText("1 photo uploaded");
  expect(refused).toBe(2);
});

test("a rejected file is shown with its reason and retried alone", async ({ page }) => {
  await page.route("**/objects/**r2**", (route) =>
    route.fulfill({ status: 413, json: { error: "the body is larger than 64 MiB" } }),
  );
  const files = Object.fromEntries(
    Array.from({ length: 4 }, (_, i) => [`r${i}.png`, makePng(80 + i)]),
  );
  await page.goto("/");
  await page.getByLabel("Folder to upload").setInputFiles(folderWith(files));
  const dock = page.getByRole("region", { name: "Uploads" });
  await expect(dock).toContainText("1 of 4 photos failed");
  await dock.getByRole("button", { name: "Show the photos" }).click();
  await expect(dock.getByRole("listitem").first()).toContainText("larger than 64 MiB");
  await expectAccessible(page);
  await page.unroute("**/objects/**r2**");
  await dock.getByRole("button", { name: "Retry failed" }).click();
  await expect(dock).toContainText("4 photos uploaded");
});

test("photos that cannot be deleted stay, selected, with the reason", async ({ page, service }) => {
  for (let i = 0; i < 3; i += 1) await service.store(`keep-${i}.png`, makePng(90 + i), "image/png");
  let answer: () => void = () => undefined;
  const answered = new Promise<void>((done) => {
    answer = done;
  });
  await page.route("**/images/*keep-1*", async (route) => {
    if (route.request().method() !== "DELETE") return route.continue();
    await answered;
    return route.fulfill(answer500);
  });
  // A server without a trash deletes for good, after a question.
  await page.route(/\/trash/, (route) =>
    route.fulfill({ status: 404, json: { error: "there is no such path" } }),
  );
  await page.goto("/?q=keep-");
  await expect(page.getByRole("gridcell")).toHaveCount(3);
  await page.getByRole("button", { name: "Select all" }).click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete 3" }).click();
  await expect(page.getByRole("progressbar", { name: "Deleting" })).toBeVisible();
  await expect(page.getByRole("alertdialog")).toContainText("2 of 3");
  answer();
  await expect(page.getByText("1 of 3 photos could not be deleted").first()).toBeVisible();
  await expect(page.getByText("1 photo selected")).toBeVisible();
  await expect(page.getByRole("gridcell")).toHaveCount(1);
});

test("long names, right-to-left and emoji labels, and undecodable files break no page", async ({
  page,
  service,
}) => {
  const long = await service.store(`${"n".repeat(300)}.png`, makePng(100), "image/png");
  const hebrew = await service.store("חתול על שולחן.png", makePng(101), "image/png");
  const broken = await service.store("broken.jpg", brokenJpeg);
  const labels = [
    "חתול שחור",
    "🐈‍⬛",
    "كلب",
    "x".repeat(300),
    ...Array.from({ length: 96 }, (_, i) => `label ${i}`),
  ];
  const job = await service.submit([long, hebrew, broken], {
    job_type: "custom_classification",
    custom_labels: labels,
    confidence_threshold: 0,
  });
  await service.finish(job);
  for (const width of [360, 1280, 3840]) {
    await page.setViewportSize({ width, height: 800 });
    for (const path of [
      `/job/${job}`,
      `/job/${job}?view=table`,
      "/",
      "/new",
      "/history",
      "/settings",
    ]) {
      await page.goto(path);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expect(page.locator(".skeleton")).toHaveCount(0);
      const wider = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(wider, `${path} at ${width} scrolls sideways`).toBeLessThanOrEqual(0);
    }
  }
  await page.goto(`/job/${job}`);
  await expect(page.getByRole("img", { name: /cannot be shown/ }).first()).toBeVisible();

  // On a phone the visible columns use the full width of the table.
  await page.setViewportSize({ width: 360, height: 740 });
  await page.goto(`/job/${job}?view=table`);
  await expect(page.getByRole("row", { name: /broken/ })).toContainText("JPEG is truncated");
  const [table, last] = await page.evaluate(() =>
    ["table", "th.cell-confidence"].map(
      (part) => document.querySelector(part)?.getBoundingClientRect().right ?? NaN,
    ),
  );
  expect(last).toBeGreaterThan((table ?? NaN) - 2);

  // The dialog before a deletion fits the longest name.
  // A server without a trash deletes for good, after a question.
  await page.route(/\/trash/, (route) =>
    route.fulfill({ status: 404, json: { error: "there is no such path" } }),
  );
  await page.goto("/?q=nnnn");
  await page.getByRole("gridcell", { name: /nnnn/ }).first().locator("[data-check]").click();
  await page.getByRole("button", { name: "Delete" }).click();
  const cut = await page
    .getByRole("alertdialog")
    .evaluate((dialog) =>
      [...dialog.querySelectorAll("*")].some(
        (part) => part.scrollWidth > part.clientWidth + 1 && part.clientWidth > 0,
      ),
    );
  expect(cut, "text is cut off").toBe(false);
  await page.getByRole("button", { name: "Keep" }).click();
});

test("an answer in an unexpected form leaves the other pages usable", async ({
  browser,
  service,
}) => {
  // Not the page of the fixture: an error is logged, and here it is intended.
  const page = await browser.newPage({ baseURL: service.url });
  await page.route("**/jobs?*", (route) => route.fulfill({ json: { jobs: [null], total: 1 } }));
  await page.goto("/history");
  await expect(page.getByRole("heading", { name: "Something went wrong" })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("link", { name: "Settings" }).click();
  await expect(page.getByRole("heading", { name: "Settings" })).toBeVisible();
  await page.close();
});

test("a job of all photos waits until all of them are listed", async ({ page }) => {
  const photo = (key: string) => ({ key, size: 1, last_modified: "2026-01-31T12:00:00Z" });
  let answer = (): void => undefined;
  const asked = new Promise<void>((resolve) => (answer = resolve));
  await page.route(/\/images\?/, async (route) => {
    if (!route.request().url().includes("next_token")) {
      await route.fulfill({ json: { images: [photo("uploads/a.png")], next_token: "second" } });
      return;
    }
    await asked;
    await route.fulfill({ status: 400, json: { error: "the list of photos broke off" } });
  });
  // The chosen photo is stored.
  await page.route(/\/images\/uploads%2Fa\.png$/, (route) => route.fulfill({ status: 200 }));
  await page.goto("/new");
  await expect(page.getByText("The list of photos is still loading.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Classify 1 photo" })).toBeDisabled();
  await expectAccessible(page);
  answer();
  await expect(page.getByText("The list of photos broke off.")).toBeVisible();

  // Selected photos are classified without the rest of the list.
  await page.getByRole("link", { name: "Photos" }).first().click();
  await page.getByRole("gridcell").locator("[data-check]").click();
  await page.getByRole("button", { name: "Classify" }).click();
  await expect(page.getByRole("button", { name: "Classify 1 photo" })).toBeEnabled();
});
