// Looking at photos as people's hands know it: open, select, zoom, go back, delete and take back.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { expect, expectAccessible, skipWhereItCannotRun, test } from "./fixtures";
import { brokenJpeg, makePng } from "./images";
import { root } from "./service";

skipWhereItCannotRun();

const tile = (page: Page, name: string) => page.getByRole("gridcell", { name });

test("a click opens, the corner selects, and then a click selects", async ({ page, service }) => {
  for (const name of ["a", "b", "c"])
    await service.store(`look-${name}.png`, makePng(8000 + name.charCodeAt(0)), "image/png");
  await page.goto("/?q=look-&order=name");
  await tile(page, "look-b").click();
  const preview = page.getByRole("dialog");
  await expect(preview).toContainText("look-b.png");
  await expect(page).toHaveURL(/photo=uploads/);

  // Space selects, arrows move, Back closes and returns to the photo that was looked at.
  await page.keyboard.press("Space");
  await expect(preview.getByRole("button", { name: "Selected" })).toHaveAttribute(
    "aria-pressed",
    "true",
  );
  await page.keyboard.press("ArrowRight");
  await expect(preview).toContainText("look-c.png");
  await page.keyboard.press("Space");
  await page.keyboard.press("Space");
  await expectAccessible(page);
  await page.goBack();
  await expect(preview).toBeHidden();
  await expect(tile(page, "look-c")).toBeFocused();
  await expect(page).toHaveURL(/order=name/);
  await expect(page.getByText("1 photo selected")).toBeVisible();

  // While something is selected a click selects; the search stays, and the selection grows.
  await tile(page, "look-a").click();
  await expect(page.getByText("2 photos selected")).toBeVisible();
  await page.getByLabel("Search by name").fill("look-c");
  await expect(tile(page, "look-a")).toBeHidden();
  await tile(page, "look-c").click();
  await expect(page.getByText("3 photos selected")).toBeVisible();

  // It survives a reload, and so does the photo that is open.
  await page.reload();
  await expect(page.getByText("3 photos selected")).toBeVisible();
  await page.getByRole("button", { name: "Classify" }).click();
  await expect(page.getByRole("heading", { name: "3 photos", exact: true })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("heading", { name: "3 photos", exact: true })).toBeVisible();
  await page.goto("/?q=look-");
  await page.getByRole("button", { name: "Clear", exact: true }).click();
  await tile(page, "look-a").click();
  await page.reload();
  await expect(preview).toContainText("look-a.png");
  await page.keyboard.press("Escape");
  await expect(preview).toBeHidden();
});

test("on a phone a tap opens and a long press selects", async ({ browser, service }) => {
  await service.store("tap-a.png", makePng(8100), "image/png");
  await service.store("tap-b.png", makePng(8101), "image/png");
  const context = await browser.newContext({
    viewport: { width: 360, height: 740 },
    hasTouch: true,
    isMobile: true,
    baseURL: service.url,
  });
  const page = await context.newPage();
  await page.goto("/?q=tap-");
  await tile(page, "tap-a").tap();
  await expect(page.getByRole("dialog")).toContainText("tap-a.png");
  await page.goBack();
  await expect(page.getByRole("dialog")).toBeHidden();

  const box = await tile(page, "tap-a").boundingBox();
  const at = { x: (box?.x ?? 0) + 40, y: (box?.y ?? 0) + 60 };
  const session = await context.newCDPSession(page);
  await session.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [at] });
  await expect(page.getByText("1 photo selected")).toBeVisible();
  await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await tile(page, "tap-b").tap();
  await expect(page.getByText("2 photos selected")).toBeVisible();
  await expectAccessible(page);

  // A swipe leads to the next photo.
  await page.getByRole("button", { name: "Clear", exact: true }).tap();
  await tile(page, "tap-b").tap();
  const preview = page.getByRole("dialog");
  await expect(preview).toContainText("1 of 2");
  const touch = (type: "touchStart" | "touchMove" | "touchEnd", x: number) =>
    session.send("Input.dispatchTouchEvent", {
      type,
      touchPoints: type === "touchEnd" ? [] : [{ x, y: 250 }],
    });
  await touch("touchStart", 300);
  for (const x of [260, 200, 140, 100]) await touch("touchMove", x);
  await touch("touchEnd", 100);
  await expect(preview).toContainText("2 of 2");
  await context.close();
});

test("the preview zooms to the pointer, pans, and shows the whole photo again", async ({
  page,
  service,
}) => {
  await service.store("zoom.png", makePng(8200, 1600, 1200), "image/png");
  await page.goto("/?q=zoom");
  await tile(page, "zoom").click();
  const photo = page.locator("img.full");
  await expect(photo).toBeVisible();
  await photo.evaluate((image: HTMLImageElement) => image.decode());
  const width = async () => (await photo.boundingBox())?.width ?? 0;
  const before = await width();
  const zoom = page.getByRole("group", { name: "Zoom" });
  await zoom.getByRole("button", { name: "Zoom in" }).click();
  await expect.poll(width).toBeGreaterThan(before * 1.4);
  const placed = async () => (await photo.boundingBox())?.x ?? 0;
  const left = await placed();
  const stage = await page.locator(".preview-stage").boundingBox();
  const centre = { x: (stage?.x ?? 0) + 200, y: (stage?.y ?? 0) + 200 };
  await page.mouse.move(centre.x, centre.y);
  await page.mouse.down();
  await page.mouse.move(centre.x + 60, centre.y, { steps: 4 });
  await page.mouse.up();
  await expect.poll(placed).toBeGreaterThan(left + 20);
  await zoom.getByRole("button", { name: "Show the whole photo" }).click();
  await expect.poll(width).toBeCloseTo(before, 0);
  await page.keyboard.press("+");
  await expect.poll(width).toBeGreaterThan(before * 1.4);
  await page.keyboard.press("0");
  await expect.poll(width).toBeCloseTo(before, 0);
  await page.mouse.wheel(0, -300);
  await expect.poll(width).toBeGreaterThan(before * 1.2);

  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download" }).click();
  expect((await saved).suggestedFilename()).toBe("zoom.png");
});

test("what is known of a photo is shown: dates, camera, folder, and every job's predictions", async ({
  page,
  service,
}) => {
  const sample = join(root, "../shared/field/IMG_0001.HEIC");
  test.skip(!existsSync(sample), `there is no photo at ${sample}`);
  const key = await service.storeFile(sample);
  for (const labels of [
    ["cat", "dog"],
    ["tree", "car"],
  ]) {
    await service.finish(
      await service.submit([key], {
        job_type: "custom_classification",
        custom_labels: labels,
        name: `job of ${labels.join(" and ")}`,
      }),
    );
  }
  await page.goto("/?q=IMG_0001");
  await page.getByRole("gridcell").first().click();
  const preview = page.getByRole("dialog");
  await expect(preview).toContainText("pixels");
  for (const name of ["job of cat and dog", "job of tree and car"])
    await expect(preview.getByRole("link", { name })).toBeVisible();
  await expectAccessible(page);
});

test("deleted photos are in the trash, and come back with their names", async ({
  page,
  service,
}) => {
  const keys: string[] = [];
  for (const name of ["a", "b"])
    keys.push(await service.store(`bin-${name}.png`, makePng(8300 + keys.length), "image/png"));
  await page.goto("/?q=bin-");
  await tile(page, "bin-a").click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("1 photo moved to the trash")).toBeVisible();
  // The next photo is shown, or the list where there is none.
  await page.keyboard.press("Escape");
  await expect(tile(page, "bin-a")).toBeHidden();
  await page.getByRole("link", { name: /^Trash/ }).click();
  const deleted = page.getByRole("checkbox", { name: /^bin-a\.png/ });
  await expect(deleted).toBeVisible();
  await expectAccessible(page);
  await deleted.check();
  await page.getByRole("button", { name: "Restore 1 photo" }).click();
  await expect(page.getByText("1 photo restored")).toBeVisible();
  await expect(deleted).toBeHidden();
  await page.goto("/?q=bin-");
  await expect(tile(page, "bin-a.png")).toBeVisible();

  // Emptied, they are gone for good.
  await service.call(`/images/${encodeURIComponent(keys[1] ?? "")}?trash=true`, {
    method: "DELETE",
  });
  await page.goto("/deleted");
  await page.getByRole("button", { name: "Empty the trash" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Empty the trash" }).click();
  await expect(page.getByText("The trash is empty")).toBeVisible();
});

test("photos that cannot be shown make no errors in the console, and are asked for once", async ({
  page,
  service,
}) => {
  await service.store("broken-look.jpg", brokenJpeg);
  const errors: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  let asked = 0;
  page.on("request", (request) => {
    if (request.url().includes("thumbnail") && request.url().includes("broken-look")) asked += 1;
  });
  // Other tests of this server have broken photos too, and a search takes a moment.
  const broken = page
    .getByRole("gridcell", { name: /broken-look/ })
    .getByRole("img", { name: /cannot be shown/ });
  await page.goto("/?q=broken-look");
  await expect(broken).toBeVisible();
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("link", { name: "Photos" }).first().click();
  await page.getByLabel("Search by name").fill("broken-look");
  await expect(broken).toBeVisible();
  expect(asked).toBe(1);
  expect(errors).toEqual([]);
});

test("scroll, order and search come back with Back", async ({ page, service }) => {
  for (let i = 0; i < 60; i += 1)
    await service.store(`back-${i}.png`, makePng(8400 + i), "image/png");
  await page.setViewportSize({ width: 700, height: 500 });
  await page.goto("/?q=back-");
  await page.getByLabel("Order").selectOption("name");
  await expect(tile(page, "back-0.png")).toBeVisible();
  await page.evaluate(() => window.scrollTo(0, 900));
  await page.waitForTimeout(300);
  const place = await page.evaluate(() => window.scrollY);
  await page.getByRole("link", { name: "History" }).click();
  await expect(page.getByRole("heading", { name: "History" })).toBeVisible();
  await page.goBack();
  await expect(page.getByLabel("Order")).toHaveValue("name");
  await expect.poll(() => page.evaluate(() => window.scrollY)).toBe(place);
});
