// Libraries that are too large to be listed: only what is in view is fetched.
import type { Page } from "@playwright/test";
import {
  expect,
  expectAccessible,
  idleForTwoMinutes,
  skipWhereItCannotRun,
  test,
} from "./fixtures";
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fillStore, folderWith, makePng } from "./images";
import { Service } from "./service";

skipWhereItCannotRun();

const nameAt = (index: number) => `Archive/photo-${String(index).padStart(7, "0")}.png`;
const keyAt = (index: number) => `uploads/${index}.png`;

// Answers as a catalogue of `count` photos, whose store nobody has to fill. Returns what was asked.
async function pretend(page: Page, count: number): Promise<URL[]> {
  const asked: URL[] = [];
  const photo = makePng(7);
  await page.route(/\/images\/.*thumbnail/, (route) =>
    route.fulfill({ contentType: "image/png", body: photo }),
  );
  await page.route(/\/folders$/, (route) =>
    route.fulfill({ json: { folders: [{ folder: "Archive", images: count }], version: "1" } }),
  );
  await page.route(/\/images\?/, async (route) => {
    const url = new URL(route.request().url());
    asked.push(url);
    const query = url.searchParams;
    const answer = { total: count, offset: Number(query.get("offset")), version: "1" };
    if (query.has("since")) {
      return route.fulfill({ json: { ...answer, images: [], unchanged: true } });
    }
    const many = Math.max(0, Math.min(Number(query.get("limit")), count - answer.offset));
    const images = Array.from({ length: many }, (_, i) => {
      const index = answer.offset + i;
      const uploaded_at = new Date(Date.UTC(2026, 0, 1) - index * 60_000).toISOString();
      return {
        key: keyAt(index),
        name: nameAt(index),
        size: 1_000_000 - index,
        last_modified: uploaded_at,
        uploaded_at,
      };
    });
    return route.fulfill({ json: { ...answer, images } });
  });
  return asked;
}

const offsets = (asked: readonly URL[]) =>
  asked
    .filter(({ searchParams }) => searchParams.get("limit") === "200")
    .map(({ searchParams }) => Number(searchParams.get("offset")));

for (const [width, height] of [
  [360, 740],
  [1440, 900],
] as const) {
  test(`any of a million photos is reached at ${width} × ${height}`, async ({ page }) => {
    await page.setViewportSize({ width, height });
    const asked = await pretend(page, 1_000_000);
    await page.goto("/");
    await expect(page.getByText("1,000,000 photos stored", { exact: true })).toBeVisible();
    await expect(page.getByRole("gridcell", { name: nameAt(0) })).toBeVisible();
    await expectAccessible(page);
    expect(offsets(asked)).toEqual([0]);

    // A jump to the middle, with a label of the place; nothing between is fetched.
    await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight / 2));
    await expect(page.locator(".whereabouts")).toBeVisible();
    await expect(
      page.getByRole("gridcell", { name: /photo-0?[45]\d+\.png/ }).first(),
    ).toBeVisible();
    expect(offsets(asked).length).toBeLessThanOrEqual(4);

    // A wheel moves it by as much as any other page.
    const topOf = () =>
      page.evaluate(() => {
        const tile = [...document.querySelectorAll("[role=gridcell]")].find(
          (each) => each.getBoundingClientRect().top > 200,
        );
        return [tile?.getAttribute("data-index"), tile?.getBoundingClientRect().top] as const;
      });
    const [index, before] = await topOf();
    await page.mouse.move(width / 2, height / 2);
    await page.mouse.wheel(0, 100);
    await expect(async () => {
      const after = await page
        .locator(`[data-index="${index}"]`)
        .evaluate((tile) => tile.getBoundingClientRect().top);
      expect(Math.abs((before ?? 0) - 100 - after)).toBeLessThan(2);
    }).toPass();
    // And at rest it stays where it is.
    await page.waitForTimeout(400);
    const rested = await page
      .locator(`[data-index="${index}"]`)
      .evaluate((tile) => tile.getBoundingClientRect().top);
    expect(Math.abs((before ?? 0) - 100 - rested)).toBeLessThan(2);

    // Both ends, by keyboard.
    await page.locator(`[data-index="${index}"]`).focus();
    await page.keyboard.press("End");
    await expect(page.getByRole("gridcell", { name: nameAt(999_999) })).toBeFocused();
    await page.keyboard.press("ArrowLeft");
    await expect(page.getByRole("gridcell", { name: nameAt(999_998) })).toBeFocused();
    await page.keyboard.press("Home");
    await expect(page.getByRole("gridcell", { name: nameAt(0) })).toBeFocused();
    // By the scroll bar to the very end.
    await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
    await expect(page.getByRole("gridcell", { name: nameAt(999_999) })).toBeInViewport();
  });
}

test("all of a million photos are selected as a rule and submitted as one", async ({ page }) => {
  const asked = await pretend(page, 1_000_000);
  await page.goto("/");
  await page.getByRole("button", { name: "Select all" }).click();
  await expect(page.getByText("Selected: all 1,000,000 photos")).toBeVisible();
  await expect(page.getByText(/Only photos that you have chosen yourself/)).toBeVisible();
  await expect(page.getByRole("button", { name: "Delete" })).toBeHidden();
  await expectAccessible(page);
  // A single photo cannot be taken out of it.
  await page
    .getByRole("gridcell", { name: nameAt(3) })
    .locator("[data-check]")
    .click();
  await expect(page.getByText("A new selection has begun").first()).toBeVisible();
  await expect(page.getByText("1 photo selected")).toBeVisible();
  // A long range is selected by its keys.
  await page.evaluate(() => window.scrollTo(0, 40_000));
  await page
    .getByRole("gridcell", { name: /photo-000\d/ })
    .nth(20)
    .click({ modifiers: ["Shift"] });
  await expect(page.getByText(/^\d,\d{3} photos selected/)).toBeVisible();
  const keysOnly = asked.filter(({ searchParams }) => searchParams.get("limit") === "1000");
  expect(keysOnly.length).toBeGreaterThan(0);
  expect(keysOnly.every(({ searchParams }) => searchParams.get("fields") === "key")).toBe(true);

  await page.getByRole("button", { name: /^Select all/ }).click();
  await page.getByRole("button", { name: "Classify" }).click();
  await expect(page.getByRole("heading", { name: "All 1,000,000 photos" })).toBeVisible();
  await expectAccessible(page);
  const submission = page.waitForRequest(/\/submit$/);
  await page.route(/\/submit$/, (route) =>
    route.fulfill({ status: 400, json: { error: "not this time" } }),
  );
  await page.getByRole("button", { name: "Classify 1,000,000 photos" }).click();
  const body = (await submission).postDataJSON() as Record<string, unknown>;
  expect(body).toMatchObject({ images: { all: true, order: "newest" } });
  expect(body).not.toHaveProperty("s3_keys");
});

test("an idle page transfers little", async ({ page }) => {
  await page.clock.install();
  const asked = await pretend(page, 1_000_000);
  let bytes = 0;
  await page.goto("/");
  await expect(page.getByRole("gridcell", { name: nameAt(0) })).toBeVisible();
  await page.waitForLoadState("networkidle");
  asked.length = 0;
  page.on("requestfinished", (request) => {
    void request.sizes().then((sizes) => {
      bytes +=
        sizes.requestHeadersSize +
        sizes.responseHeadersSize +
        sizes.requestBodySize +
        sizes.responseBodySize;
    });
  });
  await idleForTwoMinutes(page);
  expect(asked).toHaveLength(4);
  expect(asked.every(({ searchParams }) => searchParams.has("since"))).toBe(true);
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThan(20_000);
});

// Until the service has read all its photos: before, the list has a new version every moment, and the
// page fetches what is in view again.
async function untilAtRest(url: string): Promise<void> {
  let last = "";
  await expect
    .poll(
      async () => {
        const answer = await fetch(`${url}/images?offset=0&limit=0`);
        const { version, complete } = (await answer.json()) as Record<string, unknown>;
        const same = complete !== false && version === last;
        last = String(version);
        return same;
      },
      { intervals: [2_000], timeout: 120_000 },
    )
    .toBe(true);
}

test("a library of 6,000 photos is scrolled, searched, sorted, selected and classified", async ({
  page,
}) => {
  const own = new Service();
  try {
    fillStore(own.folder, 6_000, 32);
    await own.start();
    await untilAtRest(own.url);
    const asked: URL[] = [];
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.pathname === "/images") asked.push(url);
    });
    await page.goto(own.url);
    await expect(page.getByText("6,000 photos stored", { exact: true })).toBeVisible();
    expect(asked.length).toBeLessThan(5);

    // Jumps and steps, with photos everywhere.
    await page.getByLabel("Order").selectOption("name");
    await expect(page.getByRole("gridcell", { name: /^photo-0\.png/ })).toBeVisible();
    asked.length = 0;
    await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight / 2));
    await expect(
      page.getByRole("gridcell", { name: /^photo-(29|30)\d\d\.png/ }).first(),
    ).toBeVisible();
    await page.mouse.move(600, 400);
    await page.mouse.wheel(0, 3_000);
    await expect(
      page.getByRole("gridcell", { name: /^photo-3[01]\d\d\.png/ }).first(),
    ).toBeVisible();
    expect(offsets(asked).length).toBeLessThan(6);
    await expectAccessible(page);
    await page
      .getByRole("gridcell", { name: /^photo-3[01]\d\d\.png/ })
      .first()
      .click();
    const preview = page.getByRole("dialog");
    await expect(preview).toContainText(/^photo-3[01]\d\d\.png/);
    await page.keyboard.press("ArrowRight");
    await expect(preview).toContainText(/of 6,000/);
    await page.keyboard.press("Escape");

    // A search is in the address, and begins at the top.
    await page.getByLabel("Search by name").fill("photo-59");
    await expect(page.getByText("111 of 6,000 photos stored")).toBeVisible();
    await expect(page.getByRole("gridcell", { name: /^photo-59\.png/ })).toBeVisible();
    await expect(page).toHaveURL(/order=name&q=photo-59$/);
    await page.getByRole("button", { name: "Select all 111" }).click();
    await expect(page.getByText("111 photos selected")).toBeVisible();
    await page.getByRole("button", { name: "Clear", exact: true }).click();
    await page.getByLabel("Search by name").fill("");
    await expect(page.getByText("6,000 photos stored", { exact: true })).toBeVisible();
    await page.getByRole("button", { name: "Select all" }).click();
    await expect(page.getByText("6,000 photos selected")).toBeVisible();
    await page.getByRole("button", { name: "Clear", exact: true }).click();

    // A folder arrives under the user's own names, and is a folder here too.
    const folder = folderWith({ "first.png": makePng(9_001) });
    mkdirSync(join(folder, "Day 1"));
    writeFileSync(join(folder, "Day 1", "second.png"), makePng(9_002));
    await page.getByLabel("Folder to upload").setInputFiles(folder);
    const dock = page.getByRole("region", { name: "Uploads" });
    await expect(dock).toContainText("2 photos uploaded");
    await dock.getByRole("button", { name: "Close" }).click();
    await page.getByRole("button", { name: "Browse" }).click();
    const browse = page.getByRole("dialog", { name: "Browse photos" });
    await browse.getByRole("button", { name: `Folders in ${basename(folder)}` }).click();
    await expectAccessible(page);
    await browse.getByRole("button", { name: /^Day 1/ }).click();
    await expect(page.getByText("1 of 6,002 photos stored")).toBeVisible();
    await expect(page.getByRole("gridcell", { name: /\/Day 1\/second\.png/ })).toBeVisible();
    await expectAccessible(page);
    // Chosen again, both are known.
    await page.getByLabel("Folder to upload").setInputFiles(folder);
    const review = page.getByRole("dialog", { name: "Before uploading" });
    await expect(review).toContainText("Upload 2 photos again");
    await review.getByRole("button", { name: "Close" }).first().click();

    // Without a selection the job is about every photo.
    await page.getByRole("link", { name: "New job" }).click();
    await expect(page.getByRole("heading", { name: "All 6,002 photos" })).toBeVisible();
    await page.getByRole("button", { name: "Classify 6,002 photos" }).click();
    await expect(page).toHaveURL(/\/job\//);
    const job = page.url().split("/").at(-1) ?? "";
    await expect(page.getByText(/of 6,002/).first()).toBeVisible();
    await own.post(`/jobs/${job}/cancel`, {});
  } finally {
    await own.remove();
  }
});
