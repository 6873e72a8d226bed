// Judging a result: selecting, ordering, limiting, comparing, and finding all of it again.
import { readFileSync } from "node:fs";
import type { Page, Route } from "@playwright/test";
import { expect, expectAccessible, skipWhereItCannotRun, test } from "./fixtures";
import { makePng } from "./images";
import type { Service } from "./service";

skipWhereItCannotRun();

// A finished job of photos that the starter model tells apart somehow.
async function finishedJob(service: Service, name: string, count: number, labels: string[]) {
  const keys: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const file = `${name}-${String(i).padStart(2, "0")}.png`;
    keys.push(await service.store(file, makePng(9000 + 7 * i + name.length), "image/png"));
  }
  const job = await service.submit(keys, {
    job_type: "custom_classification",
    custom_labels: labels,
    confidence_threshold: 0,
  });
  await service.finish(job);
  return { job, keys };
}

const tile = (page: Page, name: string) => page.locator(".mini-open").filter({ hasText: name });
const summary = (page: Page) => page.getByRole("region", { name: "Summary" });

test("a job has a name that two tabs change, and is deleted from its page", async ({
  page,
  context,
  service,
}) => {
  const { job } = await finishedJob(service, "named", 1, ["cat"]);
  // A server that knows names; the one of the test may be older.
  let name: string | undefined;
  let deletion = 409;
  const answer = async (route: Route) => {
    const method = route.request().method();
    if (method === "DELETE") {
      const body = deletion === 200 ? { success: true } : { error: "the job is still running" };
      return route.fulfill({ status: deletion, json: body });
    }
    if (method === "PATCH") {
      name = (route.request().postDataJSON() as { name: string }).name || undefined;
    }
    const real = await service.call<Record<string, unknown>>(`/jobs/${job}`);
    return route.fulfill({ json: { ...real, name } });
  };
  await context.route(`**/jobs/${job}`, answer);
  await context.route(`**/status/${job}`, answer);

  await page.goto(`/job/${job}`);
  await page.getByRole("button", { name: "Rename this job" }).click();
  const field = page.getByLabel("Name of the job");
  await expect(field).toBeFocused();
  await field.fill("  Holiday, best of  ");
  await expectAccessible(page);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Holiday, best of");
  // What it is stays visible below the name.
  await expect(page.locator(".facts-line")).toContainText("Your categories");

  const second = await context.newPage();
  await second.goto(`/job/${job}`);
  await expect(second.getByRole("heading", { level: 1 })).toHaveText("Holiday, best of");
  await second.getByRole("button", { name: "Rename this job" }).click();
  await second.getByLabel("Name of the job").fill("Summer");
  await second.getByRole("button", { name: "Save" }).click();
  await expect(second.getByRole("heading", { level: 1 })).toHaveText("Summer");
  await expect(async () => {
    await page.evaluate(() => window.dispatchEvent(new Event("visibilitychange")));
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Summer", { timeout: 500 });
  }).toPass();
  await second.close();

  await page.getByRole("button", { name: "Delete job" }).click();
  const question = page.getByRole("alertdialog");
  await expect(question).toContainText("The photos themselves stay.");
  await expectAccessible(page);
  await question.getByRole("button", { name: "Delete job" }).click();
  await expect(page.getByText("The job is still running.").first()).toBeVisible();
  deletion = 405;
  await page.getByRole("button", { name: "Delete job" }).click();
  await question.getByRole("button", { name: "Delete job" }).click();
  await expect(page.getByText("This server is older than this page").first()).toBeVisible();
  deletion = 200;
  await page.getByRole("button", { name: "Delete job" }).click();
  await question.getByRole("button", { name: "Delete job" }).click();
  await expect(page).toHaveURL(/\/history$/);
});

test("a job took the time of its latest run", async ({ page, service }) => {
  const { job } = await finishedJob(service, "took", 1, ["cat"]);
  await page.route(`**/status/${job}`, async (route) => {
    const real = await service.call<Record<string, unknown>>(`/status/${job}`);
    const times = {
      created_at: "2026-01-31T12:00:00.000Z",
      started_at: "2026-01-31T12:02:10.000Z",
      completed_at: "2026-01-31T12:02:24.000Z",
    };
    await route.fulfill({ json: { ...real, ...times } });
  });
  await page.goto(`/job/${job}`);
  await expect(page.locator(".facts-line")).toContainText("took 14 s");
});

test("results begin above the fold, and the starter's warning is put away for good", async ({
  page,
  service,
}) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  const { job } = await finishedJob(service, "fold", 12, ["cat", "dog"]);
  await page.goto(`/job/${job}`);
  const photo = page.locator(".mini").first();
  await expect(photo).toBeVisible();
  const warning = page.getByText("A starter model ran this job.");
  await expect(warning).toBeVisible();
  expect((await page.locator(".starter").boundingBox())?.height).toBeLessThan(44);
  const box = await photo.boundingBox();
  expect((box?.y ?? Infinity) + (box?.height ?? 0)).toBeLessThan(900);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Do not show this again for this model" }).click();
  await expect(warning).toBeHidden();
  await page.reload();
  await expect(photo).toBeVisible();
  await expect(warning).toBeHidden();
});

test("what is shown of a result is in the address, and Back and a reload bring it back", async ({
  page,
  service,
}) => {
  const { job } = await finishedJob(service, "back", 30, ["cat", "dog"]);
  await page.goto("/history");
  await page.goto(`/job/${job}`);
  await page.getByLabel("Search names and labels").fill("BACK png");
  await page.getByLabel("Order within groups").selectOption("unsure");
  await page.getByRole("slider", { name: "Lowest confidence shown" }).fill("0.1");
  await expect(page).toHaveURL(/q=BACK\+png/);
  await expect(page).toHaveURL(/order=unsure/);
  await expect(page).toHaveURL(/from=0\.1/);
  const names = await page.locator(".mini-label").allTextContents();
  await page.reload();
  await expect(page.getByLabel("Order within groups")).toHaveValue("unsure");
  await expect(page.getByRole("slider", { name: "Lowest confidence shown" })).toHaveValue("0.1");
  expect(await page.locator(".mini-label").allTextContents()).toEqual(names);

  // The preview is an entry of its own; Back closes it and leads to the photo that was looked at.
  await page.locator(".mini-open").first().click();
  const preview = page.getByRole("dialog");
  await expect(preview).toContainText(names[0] ?? "");
  await expect(page).toHaveURL(/photo=\d/);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await expect(preview).toContainText(names[2] ?? "");
  await page.reload();
  await expect(preview).toContainText(names[2] ?? "");
  await page.goBack();
  await expect(preview).toBeHidden();
  await expect(page).toHaveURL(/order=unsure/);
  await tile(page, names[0] ?? "").click();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Escape");
  await expect(preview).toBeHidden();
  await expect(tile(page, names[1] ?? "")).toBeFocused();
  await page.keyboard.press("ArrowRight");
  await expect(tile(page, names[2] ?? "")).toBeFocused();

  // The table: its order is in the address and in the CSV.
  await page.getByRole("radio", { name: "Table" }).check();
  await page.getByRole("button", { name: "Photo", exact: true }).click();
  await page.getByRole("button", { name: "Photo", exact: true }).click();
  await expect(page).toHaveURL(/sort=-photo/);
  await page.reload();
  await expect(page.getByRole("columnheader", { name: "Photo" })).toHaveAttribute(
    "aria-sort",
    "descending",
  );
  await expect(page.getByRole("row").nth(1)).toContainText("back-29");
  const file = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export" }).click();
  await page.getByRole("menuitem", { name: /CSV, as shown/ }).click();
  const csv = readFileSync(await (await file).path(), "utf8")
    .trim()
    .split("\r\n")
    .slice(1);
  const files = csv.map((line) => line.slice(0, "back-00".length));
  expect(files).toEqual([...files].sort().reverse());
  expect(files[0]).toBe("back-29");
  await page.getByRole("button", { name: /back-28/ }).click();
  for (let i = 0; i < 20; i += 1) await page.keyboard.press("ArrowRight");
  await expect(preview).toContainText("back-08");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: /back-08/ })).toBeFocused();
  await expect(page.getByRole("button", { name: /back-08/ })).toBeInViewport();
});

test("photos of a result are selected one by one and as a group, by mouse, touch and keyboard", async ({
  page,
  service,
}) => {
  const { job, keys } = await finishedJob(service, "pick", 6, ["cat"]);
  await page.goto(`/job/${job}?sort=photo`);
  const bar = page.getByRole("group", { name: "Selected photos" });
  await tile(page, "pick-01").hover();
  await page.getByRole("checkbox", { name: /^Select .*pick-01/ }).click();
  await expect(bar).toContainText("1 photo selected");
  await expectAccessible(page);
  // While something is selected a click selects, and Enter still opens.
  await tile(page, "pick-02").click();
  await expect(bar).toContainText("2 photos selected");
  await tile(page, "pick-03").focus();
  await page.keyboard.press("Space");
  await expect(bar).toContainText("3 photos selected");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toContainText("pick-03");
  await page.keyboard.press("Escape");
  const whole = page.getByRole("checkbox", { name: "Select all of cat" });
  await whole.click();
  await expect(bar).toContainText("6 photos selected");
  await expect(whole).toBeChecked();
  // After a reload they are still selected, and a click opens until something is selected again.
  await page.reload();
  await expect(bar).toContainText("6 photos selected");
  await tile(page, "pick-02").click();
  await expect(page.getByRole("dialog")).toContainText("pick-02");
  await page.keyboard.press("Escape");
  await whole.click();
  await expect(bar).toBeHidden();

  // A long press with a finger selects; the click that follows it opens nothing.
  const place = await tile(page, "pick-04").boundingBox();
  const touch = {
    pointerType: "touch",
    bubbles: true,
    clientX: place?.x ?? 0,
    clientY: place?.y ?? 0,
  };
  await tile(page, "pick-04").dispatchEvent("pointerdown", touch);
  await expect(bar).toContainText("1 photo selected");
  await tile(page, "pick-04").dispatchEvent("pointerup", touch);
  await tile(page, "pick-04").dispatchEvent("click", { detail: 1, bubbles: true });
  await expect(bar).toContainText("1 photo selected");
  await expect(page.getByRole("dialog")).toBeHidden();

  // An older server deletes for good, and the dialog says so.
  await page.route("**/trash?*", (route) => route.fulfill({ status: 404, json: { error: "no" } }));
  await bar.getByRole("button", { name: "Delete" }).click();
  const question = page.getByRole("alertdialog");
  await expect(question).toContainText("This cannot be undone.");
  await question.getByRole("button", { name: "Delete 1" }).click();
  await expect(page.getByText("1 photo deleted")).toBeVisible();
  await expect(bar).toBeHidden();

  // Photos that are gone are left out of the selection for the gallery.
  await service.call(`/images/${encodeURIComponent(keys[0] ?? "")}`, { method: "DELETE" });
  await page.getByRole("button", { name: "Select these" }).click();
  await expect(page.getByText("2 photos left out")).toBeVisible();
  await expect(page).toHaveURL(`${service.url}/`);
  await expect(page.getByText("4 photos selected")).toBeVisible();
});

test("photos of a result go to the trash of a server that has one", async ({ page, service }) => {
  const { job } = await finishedJob(service, "bin", 2, ["cat"]);
  const asked: string[] = [];
  await page.route("**/trash?*", (route) => route.fulfill({ json: { images: [], total: 0 } }));
  await page.route(/\/images\/[^/?]+(\?.*)?$/, (route) => {
    if (route.request().method() !== "DELETE") return route.continue();
    asked.push(new URL(route.request().url()).search);
    return route.fulfill({ json: { success: true, message: "", expires_at: "" } });
  });
  await page.goto(`/job/${job}`);
  await page.getByRole("checkbox", { name: "Select all of cat" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  const question = page.getByRole("alertdialog");
  await expect(question).toContainText("They can be restored from the trash for some time.");
  await question.getByRole("button", { name: "Delete 2" }).click();
  await expect(page.getByText("2 photos moved to the trash")).toBeVisible();
  expect(asked).toEqual(["?trash=true", "?trash=true"]);
});

test("finished photos stay when the connection drops", async ({ page, forgetful: service }) => {
  const keys = await Promise.all(
    Array.from({ length: 4 }, (_, i) =>
      service.store(`drop-${i}.png`, makePng(9900 + i), "image/png"),
    ),
  );
  const job = await service.submit(Array.from({ length: 3000 }, () => keys).flat());
  await page.goto(`${service.url}/job/${job}`);
  const tiles = page.locator(".tiles > li");
  await expect(tiles.first()).toBeVisible({ timeout: 100_000 });
  let failed = 0;
  await page.route(/\/(result|events|status)\//, (route) => {
    if (route.request().url().includes("partial")) failed += 1;
    return route.abort();
  });
  await expect.poll(() => failed).toBeGreaterThan(0);
  await page.waitForTimeout(500);
  await expect(tiles.first()).toBeVisible();
  await service.post(`/jobs/${job}/cancel`, {});
});

test("labels are shown in groups that open, where the model has groups", async ({
  page,
  service,
}) => {
  const keys = await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      service.store(`kind-${i}.png`, makePng(9500 + 13 * i), "image/png"),
    ),
  );
  const job = await service.submit(keys, { confidence_threshold: 0 });
  await service.finish(job);
  // A result as of a library: 60 breeds and 2 vehicles.
  await page.route(new RegExp(`/result/${job}\\?`), (route) =>
    route.fulfill({
      json: {
        status: "completed",
        model_used: "m",
        processing_time_ms: 5,
        detailed_results: Array.from({ length: 124 }, (_, i) => ({
          filename: `kind-${i}.png`,
          s3_key: keys[i % keys.length],
          name: `kind-${i}.png`,
          top_prediction: "",
          top_confidence: 0.9,
          all_predictions: [
            { label: i < 120 ? `breed ${i % 60}` : `car ${i % 2}`, score: 0.9 - i / 1000 },
          ],
          processing_time_ms: 1,
        })),
      },
    }),
  );
  const breeds = Array.from({ length: 60 }, (_, i) => `breed ${i}`);
  await page.route("**/models/*/groups", (route) =>
    route.fulfill({
      json: {
        model: "m",
        groups: [
          { name: "vehicle", labels: ["car 0", "car 1"] },
          { name: "dog", labels: breeds },
        ],
      },
    }),
  );
  await page.goto(`/job/${job}`);
  const dog = page.getByRole("button", { name: "dog", exact: true });
  await expect(dog).toHaveAttribute("aria-expanded", "false");
  await expect(page.getByText("120 photos, 60 labels")).toBeVisible();
  await expect(page.getByRole("heading", { name: "breed 0" })).toBeHidden();
  await expectAccessible(page);
  await dog.click();
  await expect(page.getByRole("heading", { name: "breed 0" })).toBeVisible();
  await expect(page).toHaveURL(/open=dog/);
  await page.reload();
  await expect(page.getByRole("heading", { name: "breed 0" })).toBeVisible();
  await expectAccessible(page);

  // The chart and the menu have the groups too.
  await page
    .getByRole("button", { name: /^vehicle/ })
    .first()
    .click();
  await expect(page.getByRole("status").filter({ hasText: "4 photos of 124" })).toBeVisible();
  await page.getByRole("button", { name: /^car 1/ }).click();
  await expect(page.getByRole("status").filter({ hasText: "2 photos of 124" })).toBeVisible();
  await expect(page.getByLabel("Label", { exact: true })).toHaveValue("car 1");
  await page.getByLabel("Label", { exact: true }).selectOption("group:dog");
  await expect(page.getByRole("status").filter({ hasText: "120 photos of 124" })).toBeVisible();
  await page.getByRole("radio", { name: "By label" }).check();
  await expect(page).toHaveURL(/by=label/);
  await expect(page.getByRole("status").filter({ hasText: /^124 photos$/ })).toBeVisible();
  await expect(dog).toBeHidden();
  await expect(summary(page)).toContainText("Photos124");
});

test("two jobs are compared: what changed, and how sure", async ({ page, service }) => {
  const { job, keys } = await finishedJob(service, "both", 8, ["cat", "dog"]);
  const extra = await service.store("both-extra.png", makePng(9999), "image/png");
  const other = await service.submit([...keys.slice(2), extra], {
    job_type: "custom_classification",
    custom_labels: ["wolf", "fox"],
    confidence_threshold: 0,
  });
  await service.finish(other);
  await page.goto(`/job/${job}`);
  await page.getByRole("button", { name: "Compare with…" }).click();
  const dialog = page.getByRole("dialog", { name: "Compare with another job" });
  await dialog.getByLabel("Search jobs").fill(other);
  await expect(dialog.getByRole("listitem")).toHaveCount(1);
  await expectAccessible(page);
  await dialog.getByRole("link").click();
  await expect(page).toHaveURL(`${service.url}/job/${job}?with=${other}`);
  const counts = page.getByRole("region", { name: "Comparison" });
  await expect(counts).toContainText("Another label6");
  await expect(counts).toContainText("Same label0");
  await expect(counts).toContainText(/Only in Your categories2/);
  await expect(counts).toContainText(/Only in the other Your categories1/);
  await expect(page.getByRole("table").last()).toHaveAttribute("aria-rowcount", "7");
  await expectAccessible(page);

  // A change of labels filters, and stays in the address.
  const change = page
    .getByRole("table", { name: "Changes from one label to another" })
    .getByRole("button")
    .first();
  await change.click();
  await expect(change).toHaveAttribute("aria-pressed", "true");
  await page.reload();
  await expect(change).toHaveAttribute("aria-pressed", "true");
  await page.getByRole("button", { name: "Show all" }).click();

  // The threshold applies to both: nothing is that sure.
  await page.getByRole("slider", { name: "Confidence threshold" }).fill("1");
  await expect(counts).toContainText("Same label6");
  await page.getByRole("slider", { name: "Confidence threshold" }).fill("0");

  await page
    .getByRole("button", { name: /both-0/ })
    .first()
    .click();
  const preview = page.getByRole("dialog");
  await expect(preview).toContainText("cat");
  await expect(preview).toContainText("wolf");
  await expectAccessible(page);
  await page.goBack();
  await expect(preview).toBeHidden();
  await page.getByRole("link", { name: "End comparison" }).click();
  await expect(summary(page)).toContainText("Photos8");
});
