// What a new job consists of: photos that may be gone, categories that were only typed, sets on the server.
import type { BrowserContext } from "@playwright/test";
import { expect, expectAccessible, skipWhereItCannotRun, test } from "./fixtures";
import { makePng } from "./images";

skipWhereItCannotRun();

interface Set {
  name: string;
  labels: string[];
  updated_at: string;
  version: string;
}

// A server's label sets, in place of the real ones, so that the test also runs with an older program.
async function serveSets(context: BrowserContext, sets = new Map<string, Set>()) {
  let version = 0;
  await context.route(/\/label-sets(\/|$)/, async (route) => {
    const request = route.request();
    const name = decodeURIComponent(new URL(request.url()).pathname.split("/")[2] ?? "");
    if (name === "") return route.fulfill({ json: { label_sets: [...sets.values()] } });
    const old = sets.get(name);
    const wanted = request.headers()["if-match"];
    const clash = request.headers()["if-none-match"] === "*" ? old : undefined;
    if (clash ?? (wanted !== undefined && wanted !== `"${old?.version ?? ""}"`)) {
      return route.fulfill({ status: 412, json: { error: "somebody else changed this set" } });
    }
    if (request.method() === "DELETE") {
      sets.delete(name);
      return route.fulfill({ json: { success: true } });
    }
    const { labels } = request.postDataJSON() as { labels: string[] };
    version += 1;
    const set = { name, labels, updated_at: "2026-01-31T12:00:00Z", version: String(version) };
    sets.set(name, set);
    return route.fulfill({ json: set });
  });
  return sets;
}

test("a category typed without Enter is taken, and survives a reload", async ({
  page,
  context,
  service,
}) => {
  await serveSets(context);
  await service.store("typed.png", makePng(4000), "image/png");
  await page.goto("/new");
  await page.getByRole("radio", { name: "Your categories" }).check();
  const field = page.getByLabel("Add a category");
  await field.fill("cat");
  await field.press("Enter");
  await field.fill("dog");
  await page.getByLabel("Name of the job").fill("Pets at home");
  await page.reload();
  await expect(field).toHaveValue("dog");
  const plan = page.getByRole("complementary", { name: "What will run" });
  await expect(plan).toContainText("2 categories");
  await expectAccessible(page);
  const sent = page.waitForRequest("**/submit");
  await plan.getByRole("button", { name: /^Classify/ }).click();
  expect((await sent).postDataJSON()).toMatchObject({
    name: "Pets at home",
    custom_labels: ["cat", "dog"],
  });
  await expect(page).toHaveURL(/\/job\//);
  // The next job has the categories, and no name.
  await page.goto("/new");
  await expect(page.getByRole("button", { name: "Remove dog" })).toBeVisible();
  await expect(page.getByLabel("Name of the job")).toHaveValue("");
});

test("a job whose photos are gone says so, and never becomes one of all photos", async ({
  page,
  service,
}) => {
  const keys: string[] = [];
  for (let i = 0; i < 3; i += 1)
    keys.push(await service.store(`gone-${i}.png`, makePng(4010 + i), "image/png"));
  await service.store("stays.png", makePng(4020), "image/png");
  const remove = (key = "") =>
    service.call(`/images/${encodeURIComponent(key)}`, { method: "DELETE" });
  await page.goto("/?q=gone-");
  await expect(page.getByRole("gridcell")).toHaveCount(3);
  await page.getByRole("button", { name: "Select all" }).click();
  await page.getByRole("button", { name: "Classify" }).click();
  await expect(page.getByRole("button", { name: "Classify 3 photos" })).toBeEnabled();

  // One is deleted while the page is open: found out at the start.
  await remove(keys[0]);
  await page.getByRole("button", { name: "Classify 3 photos" }).click();
  await expect(page.getByText("1 of the 3 photos is no longer stored.").first()).toBeVisible();
  await expect(page.getByRole("button", { name: "Classify 2 photos" })).toBeDisabled();
  await page.getByRole("button", { name: "Leave it out" }).click();
  await expect(page.getByRole("button", { name: "Classify 2 photos" })).toBeEnabled();

  const sent = page.waitForRequest("**/submit");
  await page.getByRole("button", { name: "Classify 2 photos" }).click();
  expect((await sent).postDataJSON()).toMatchObject({ s3_keys: [keys[2], keys[1]] });
  await expect(page).toHaveURL(/\/job\//);
  // The next job begins with a selection of its own.
  await page.goto("/?q=gone-");
  await page.getByRole("button", { name: "Select all" }).click();
  await page.getByRole("button", { name: "Classify" }).click();
  await expect(page.getByRole("button", { name: "Classify 2 photos" })).toBeEnabled();

  await remove(keys[1]);
  await remove(keys[2]);
  await page.getByRole("button", { name: "Classify 2 photos" }).click();
  await expect(
    page.getByText("The 2 photos of this job are no longer stored. Choose photos.").first(),
  ).toBeVisible();
  await expect(page.getByRole("heading", { name: "No photos" })).toBeVisible();
  await expect(page.getByRole("button", { name: /^Classify/ })).toBeDisabled();
  await expect(page.getByText(/^All \d/)).toBeHidden();
  await expect(page.getByRole("button", { name: "Leave them out" })).toBeHidden();
});

test("the browser's label sets are moved to the server, asked before replaced, and come back", async ({
  page,
  context,
  service,
}) => {
  const sets = await serveSets(context);
  await service.store("sets.png", makePng(4030), "image/png");
  await page.addInitScript(() => {
    if (localStorage.getItem("classifier.labelSets") !== null) return;
    const mine = [{ name: "Bills", labels: ["receipt", "invoice"] }];
    localStorage.setItem("classifier.labelSets", JSON.stringify(mine));
  });
  await page.goto("/new");
  await page.getByRole("radio", { name: "Your categories" }).check();
  await expect(page.getByText("1 label set is in this browser only.")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Move", exact: true }).click();
  await expect(page.getByText("1 label set moved to the server")).toBeVisible();
  expect(sets.get("Bills")?.labels).toEqual(["receipt", "invoice"]);
  await expect(page.getByText("in this browser only")).toBeHidden();

  // Under a name that exists: asked. A category that was only typed is saved too.
  await page.getByLabel("Add a category").fill("letter");
  await page.getByRole("button", { name: "Save as a set" }).click();
  await page.getByLabel("Name of the set").fill("Bills");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  const question = page.getByRole("alertdialog");
  await expect(question).toContainText("2 categories: receipt, invoice");
  await expectAccessible(page);
  await question.getByRole("button", { name: "Use another name" }).click();
  await page.getByLabel("Name of the set").fill("Post");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByRole("button", { name: /^Post 1/ })).toBeVisible();
  expect(sets.get("Post")?.labels).toEqual(["letter"]);
  expect(sets.get("Bills")?.labels).toHaveLength(2);

  await page.getByRole("button", { name: "Delete the label set Bills" }).click();
  await expect(page.getByRole("button", { name: /^Bills/ })).toBeHidden();
  expect(sets.has("Bills")).toBe(false);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByRole("button", { name: /^Bills 2/ })).toBeVisible();
  expect(sets.get("Bills")?.labels).toEqual(["receipt", "invoice"]);
});

test("two tabs that change one set do not overwrite each other", async ({
  page,
  context,
  service,
}) => {
  const sets = await serveSets(context);
  await service.store("tabs.png", makePng(4040), "image/png");
  const labels = ["cat", "dog"];
  sets.set("Pets", { name: "Pets", labels, updated_at: "2026-01-31T12:00:00Z", version: "a" });
  await page.goto("/new");
  await page.getByRole("radio", { name: "Your categories" }).check();
  await page.getByRole("button", { name: /^Pets 2/ }).click();
  await page.getByLabel("Add a category").fill("bird");
  // Another tab was faster, and this one has even seen it.
  const theirs = { name: "Pets", labels: ["hamster"], updated_at: "", version: "b" };
  sets.set("Pets", theirs);
  await page.evaluate(() => window.dispatchEvent(new Event("visibilitychange")));
  await page.getByRole("button", { name: "Save “Pets”" }).click();
  const dialog = page.getByRole("dialog", { name: "Somebody has changed “Pets” meanwhile" });
  await expect(dialog).toContainText("hamster");
  await expect(dialog).toContainText("bird");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Use theirs" }).click();
  await expect(page.getByRole("button", { name: "Remove hamster" })).toBeVisible();

  await page.getByLabel("Add a category").fill("mouse");
  sets.delete("Pets");
  await page.getByRole("button", { name: "Save “Pets”" }).click();
  await page.getByRole("button", { name: "Save yours again" }).click();
  await expect(page.getByRole("button", { name: /^Pets 2/ })).toBeVisible();
  expect(sets.get("Pets")?.labels).toEqual(["hamster", "mouse"]);
});

test("an older server keeps no sets: they stay in the browser", async ({ page, service }) => {
  await page.route(/\/label-sets(\/|$)/, (route) =>
    route.fulfill({ status: 404, json: { error: "there is nothing at /label-sets" } }),
  );
  await service.store("old.png", makePng(4050), "image/png");
  await page.goto("/new");
  await page.getByRole("radio", { name: "Your categories" }).check();
  await page.getByLabel("Add a category").fill("zebra");
  await page.getByRole("button", { name: "Save as a set" }).click();
  await page.getByLabel("Name of the set").fill("Zoo");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.reload();
  await expect(page.getByRole("button", { name: /^Zoo 1/ })).toBeVisible();
  await expect(page.getByLabel("Name of the job")).toBeHidden();
  await expect(page.getByText("in this browser only")).toBeHidden();
});
