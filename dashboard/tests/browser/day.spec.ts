// A whole session of a user: upload photos, name categories, read results, export a table.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, expectAccessible, skipWhereItCannotRun, test } from "./fixtures";
import { brokenJpeg, folderWith, makePng, noPhotos, photos } from "./images";
import { binary } from "./service";

skipWhereItCannotRun();

// The output of a shell that has the program in its path.
function runInShell(command: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "classifier-path-"));
  symlinkSync(binary, join(folder, "classifier"));
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH ?? ""}` };
  return new Promise((done) => {
    execFile("bash", ["-c", command], { env }, (_error, out, errors) => done(out + errors));
  });
}

test("from a folder of photos to a CSV", async ({ page }) => {
  test.skip(photos().length === 0, noPhotos);
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "Add photos" })).toBeVisible();
  await expectAccessible(page);

  // Files that are not photos, and duplicates, are reported before anything is sent.
  const extra = folderWith({ "notes.txt": "not a photo", "torn.jpg": brokenJpeg });
  const [first = ""] = photos();
  const copy = folderWith({ "again.jpg": readFileSync(first) });
  await page
    .getByLabel("Photos to upload")
    .setInputFiles([...photos(), `${extra}/notes.txt`, `${extra}/torn.jpg`, `${copy}/again.jpg`]);
  const review = page.getByRole("dialog", { name: "Before uploading" });
  await expect(review).toContainText("notes.txt is not an image");
  await expect(review).toContainText(`again.jpg is the same photo as ${basename(first)}`);
  await expectAccessible(page);
  await review.getByRole("button", { name: /^Upload 7 photos/ }).click();

  const dock = page.getByRole("region", { name: "Uploads" });
  await expect(dock).toContainText("7 photos uploaded");
  await expect(page.getByRole("gridcell")).toHaveCount(7);
  await expectAccessible(page);
  await dock.getByRole("button", { name: "Classify these 7" }).click();

  // Categories: a duplicate and an empty one are reported and left out.
  await expect(page.getByRole("heading", { name: "New job" })).toBeFocused();
  await page.getByRole("radio", { name: "Your categories" }).check();
  const field = page.getByLabel("Add a category");
  await field.fill("cat, dog,, bird, Cat, food");
  await field.press("Enter");
  await expect(page.getByText(/1 empty entry left out; already in the list: “Cat”/i)).toBeVisible();
  await expect(page.getByRole("list", { name: "Categories" }).getByRole("listitem")).toHaveCount(4);
  const plan = page.getByRole("complementary", { name: "What will run" });
  await expect(plan).toContainText("4 categories");
  await page.getByRole("slider", { name: "Confidence threshold" }).fill("0.3");
  await expectAccessible(page);
  await plan.getByRole("button", { name: "Classify 7 photos" }).click();

  // Results.
  await expect(page).toHaveURL(/\/job\/[0-9a-f-]+$/);
  await expect(page.getByRole("heading", { name: "Labels" })).toBeVisible({ timeout: 180_000 });
  const numbers = page.getByRole("region", { name: "Summary" });
  await expect(numbers).toContainText("Photos7");
  await expect(numbers).toContainText("Failed1");
  await expect(page.getByRole("heading", { name: "1 photo not classified" })).toBeVisible();
  await expect(page.getByRole("button", { name: /^cat_720p\.jpg/ })).toBeVisible();
  await expectAccessible(page);

  // Open one photo.
  await page.getByRole("button", { name: /^cat_720p\.jpg/ }).click();
  const preview = page.getByRole("dialog", { name: /cat_720p/ });
  await expect(preview.getByRole("listitem").first()).toContainText("cat");
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await expect(preview).toBeHidden();

  // The threshold regroups in the page: no further call, nothing runs again.
  const calls: string[] = [];
  page.on("request", (request) => calls.push(new URL(request.url()).pathname));
  await page.getByRole("slider", { name: "Confidence threshold" }).fill("1");
  await expect(numbers).toContainText("Classified0");
  await expect(page.getByRole("heading", { name: "unknown" })).toBeVisible();
  expect(calls.filter((path) => /^\/(result|submit|jobs)/.test(path))).toEqual([]);
  await page.getByRole("button", { name: "Reset" }).click();

  // Table: sort, search, share.
  await page.getByRole("radio", { name: "Table" }).check();
  await page.getByRole("button", { name: "Confidence" }).click();
  await expect(page.getByRole("columnheader", { name: "Confidence" })).toHaveAttribute(
    "aria-sort",
    "descending",
  );
  await expectAccessible(page);
  await page.getByLabel("Search names and labels").fill("parrot");
  await expect(page.getByRole("row")).toHaveCount(2);
  await expect(page).toHaveURL(/view=table&sort=-confidence&q=parrot/);
  await page.reload();
  await expect(page.getByRole("row", { name: /parrot/ })).toContainText("bird");
  await page.getByRole("button", { name: "Share" }).click();
  await page.getByRole("menuitem", { name: /Copy as a command/ }).click();
  await expect(page.getByText("Command copied")).toBeVisible();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  expect(command).toMatch(
    /^BACKEND_API_URL=\S+ classifier submit --labels cat,dog,bird,food .*--threshold 0\.3 /,
  );
  expect(await runInShell(command)).toContain("completed");

  // Files.
  const whole = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export" }).click();
  await expectAccessible(page);
  await page.getByRole("menuitem", { name: /CSV, whole result/ }).click();
  const table = readFileSync(await (await whole).path(), "utf8")
    .trim()
    .split("\r\n");
  expect(table).toHaveLength(8);
  const part = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export" }).click();
  await page.getByRole("menuitem", { name: /CSV, as shown/ }).click();
  // The same columns and words as in the server's file; only the last digits of times and of further
  // predictions may differ, since the page rounds them.
  const fields = (line = ""): string[] => line.split(",").slice(0, 7);
  const shown = readFileSync(await (await part).path(), "utf8")
    .trim()
    .split("\r\n");
  expect(shown).toHaveLength(2);
  expect(shown[0]).toBe(table[0]);
  expect(fields(shown[1])).toEqual(fields(table.find((line) => line.startsWith("parrot"))));
  expect(shown[1]).toMatch(/,bird 0\.\d+; \w+ 0\.\d+; /);
  const json = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export" }).click();
  await page.getByRole("menuitem", { name: /JSON/ }).click();
  expect(JSON.parse(readFileSync(await (await json).path(), "utf8"))).toMatchObject({
    summary: { total: 7, failed: 1 },
  });

  // The gallery filters by what the job found.
  await page.getByRole("link", { name: "Photos" }).click();
  await page.getByLabel("Labels from a job").selectOption({ index: 1 });
  await page.getByRole("combobox", { name: "Label", exact: true }).selectOption("bird");
  await expect(page.getByRole("gridcell", { name: /parrot/ })).toBeVisible();
  await expect(page.getByRole("gridcell", { name: /cat_720p/ })).toBeHidden();
  await page.getByRole("gridcell", { name: /parrot/ }).click();
  await expect(page.getByRole("dialog", { name: /parrot/ })).toContainText("Predictions");
  await page.keyboard.press("Escape");

  // The job is in the history.
  await page.getByRole("link", { name: "History" }).click();
  await expect(page.getByRole("row", { name: /Your categories/ }).first()).toContainText("Done");
  await expectAccessible(page);
});

test("a folder, dropped files and a pasted photo are uploaded in the same way", async ({
  page,
}) => {
  await page.goto("/");
  await page
    .getByLabel("Folder to upload")
    .setInputFiles(
      folderWith({ "one.png": makePng(1001), "two.png": makePng(1002), ".DS_Store": "x" }),
    );
  await expect(page.getByRole("region", { name: "Uploads" })).toContainText("2 photos uploaded");
  await page.getByRole("button", { name: "Close" }).click();

  const give = (type: "drop" | "paste", name: string, content: Buffer) =>
    page.evaluate(
      ([kind, file, bytes]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(bytes)], file, { type: "image/png" }));
        const init = { bubbles: true, cancelable: true };
        window.dispatchEvent(
          kind === "drop"
            ? new DragEvent("drop", { ...init, dataTransfer: transfer })
            : new ClipboardEvent("paste", { ...init, clipboardData: transfer }),
        );
      },
      [type, name, [...content]] as const,
    );
  await give("drop", "dropped.png", makePng(1003));
  await expect(page.getByRole("region", { name: "Uploads" })).toContainText("1 photo uploaded");
  await give("paste", "pasted.png", makePng(1004));
  await expect(page.getByRole("gridcell", { name: /pasted/ })).toBeVisible();
  await expect(page.getByRole("gridcell", { name: /dropped/ })).toBeVisible();

  // A real drag of a folder with a subfolder, onto a page without upload buttons.
  const folder = folderWith({ "outer.png": makePng(1005) });
  mkdirSync(join(folder, "inner"));
  writeFileSync(join(folder, "inner", "inner.png"), makePng(1006));
  await page.getByRole("link", { name: "Settings" }).click();
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [folder], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await session.send("Input.dispatchDragEvent", { type, x: 400, y: 300, data });
    if (type === "dragOver") await expect(page.getByText("Drop to upload")).toBeVisible();
  }
  await expect(page.getByRole("region", { name: "Uploads" })).toContainText("2 photos uploaded");
  await page.getByRole("link", { name: "Photos" }).click();
  for (const name of [/outer/, /inner/])
    await expect(page.getByRole("gridcell", { name })).toBeVisible();

  // Photos already stored are reported, and uploaded again only on request.
  await page
    .getByLabel("Photos to upload")
    .setInputFiles(`${folderWith({ "one.png": makePng(1001) })}/one.png`);
  const review = page.getByRole("dialog", { name: "Before uploading" });
  await expect(review).toContainText("Nothing to upload");
  await review.getByRole("checkbox").check();
  await expect(review.getByRole("button", { name: "Upload 1 photo" })).toBeVisible();
});

test("photos are selected with mouse and keyboard, and deleted", async ({ page, service }) => {
  for (let i = 0; i < 30; i += 1)
    await service.store(`tile-${String(i).padStart(2, "0")}.png`, makePng(2000 + i), "image/png");
  await page.goto("/?q=tile-");
  await page.getByLabel("Order").selectOption("name");
  const tile = (i: number) =>
    page.getByRole("gridcell", { name: `tile-${String(i).padStart(2, "0")}.png` });
  const count = (words: string) => expect(page.getByText(`${words} selected`)).toBeVisible();

  await tile(1).locator("[data-check]").click();
  await count("1 photo");
  await tile(4).click({ modifiers: ["Shift"] });
  await count("4 photos");
  await tile(2).click({ modifiers: ["Control"] });
  await count("3 photos");
  await page.keyboard.press("Escape");
  await expect(page.getByText("selected")).toBeHidden();

  // By keyboard alone: arrows move, Shift extends, Space toggles, Enter opens.
  await tile(2).focus();
  await page.keyboard.press("ArrowRight");
  await expect(tile(3)).toBeFocused();
  await page.keyboard.press("Space");
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("Shift+ArrowRight");
  await count("3 photos");
  await page.keyboard.press("End");
  await expect(tile(29)).toBeFocused();
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toContainText("tile-00.png");
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("dialog")).toContainText("tile-01.png");
  await page.keyboard.press("Escape");

  // A few go into the trash without a question, and come back.
  await page.keyboard.press("Delete");
  await expect(page.getByText("3 photos moved to the trash")).toBeVisible();
  await expect(tile(3)).toBeHidden();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByText("3 photos restored")).toBeVisible();
  await expect(tile(3)).toBeVisible();
  await tile(3).focus();
  await page.keyboard.press("Space");
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("Shift+ArrowRight");
  await page.getByRole("button", { name: "Delete" }).click();
  await expect(tile(3)).toBeHidden();
  await tile(0).focus();
  await page.keyboard.press("Control+a");
  await count("27 photos");
});

test("the photo in the preview stays the same while others are added and deleted", async ({
  page,
  service,
}) => {
  const stored: string[] = [];
  const store = async (name: string) =>
    stored.push(
      await service.store(`stays-${name}.png`, makePng(2500 + stored.length), "image/png"),
    );
  await store("a");
  await store("b");
  await page.goto("/?q=stays-");
  await page.getByRole("gridcell", { name: "stays-b" }).focus();
  await page.keyboard.press("Enter");
  const preview = page.getByRole("dialog", { name: "stays-b.png" });
  await expect(preview).toContainText(/of 2/);
  // Returning to the tab reloads the list if it is some seconds old.
  const listShows = (words: RegExp) =>
    expect(async () => {
      await page.evaluate(() => window.dispatchEvent(new Event("visibilitychange")));
      await expect(page.locator("[role=grid]")).toHaveAttribute("aria-label", words, {
        timeout: 500,
      });
    }).toPass();
  await store("c");
  await store("d");
  await listShows(/^4 photos/);
  await expect(preview).toContainText(/of 4/);
  await preview.getByRole("button", { name: "Select" }).click();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("gridcell", { selected: true })).toHaveAccessibleName(/^stays-b/);
  await expect(page.getByRole("gridcell", { name: "stays-b" })).toBeFocused();

  await page.keyboard.press("Enter");
  await expect(preview).toBeVisible();
  await service.call(`/images/${encodeURIComponent(stored[1] ?? "")}`, { method: "DELETE" });
  await listShows(/^3 photos/);
  await expect(page.getByRole("dialog")).toBeHidden();
});

test("label sets are saved, imported, exported and deleted", async ({ page, service }) => {
  await service.store("any.png", makePng(3000), "image/png");
  await page.goto("/new");
  await page.getByRole("radio", { name: "Your categories" }).check();
  await page.getByRole("button", { name: "Edit as text" }).click();
  const text = page.getByLabel("One category per line");
  await text.fill("חתול\n🐈‍⬛ black cat\n\nכלב\nחתול");
  await expect(
    page.getByText(/1 empty entry left out; already in the list: “חתול”/i),
  ).toBeVisible();
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("button", { name: "Save as a set" }).click();
  await page.getByLabel("Name of the set").fill("Mine");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.reload();
  await page.getByRole("button", { name: /^Animals/ }).click();
  await page.getByRole("button", { name: /^Mine 3/ }).click();
  await expect(page.getByRole("button", { name: "Remove 🐈‍⬛ black cat" })).toBeVisible();

  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export" }).click();
  const exported = await (await saved).path();
  expect(JSON.parse(readFileSync(exported, "utf8"))).toMatchObject({
    Mine: ["חתול", "🐈‍⬛ black cat", "כלב"],
  });
  await page.getByRole("button", { name: "Delete the label set Mine" }).click();
  await expect(page.getByRole("button", { name: /^Mine/ })).toBeHidden();
  const files = folderWith({
    "hundred.txt": Array.from({ length: 100 }, (_, i) => `label ${i}`).join("\n"),
    "bad.json": "{",
  });
  await page.getByLabel("Label sets to import").setInputFiles(`${files}/hundred.txt`);
  await expect(page.getByRole("button", { name: "hundred 100", exact: true })).toBeVisible();
  await expect(page.getByRole("button", { name: "Classify", exact: false }).first()).toBeEnabled();
  await expectAccessible(page);
  await page.getByLabel("Label sets to import").setInputFiles(`${files}/bad.json`);
  await expect(page.getByText(/bad\.json is not valid JSON/).first()).toBeVisible();
});

test("a photo's predictions come from the newest job that had it", async ({ page, service }) => {
  const [early, late, none] = await Promise.all(
    ["early", "late", "none"].map((name, i) =>
      service.store(`found-${name}.png`, makePng(3100 + i), "image/png"),
    ),
  );
  for (const keys of [[early], [late]]) {
    await service.finish(await service.submit(keys as string[]));
  }
  await page.goto("/?q=found-early");
  await page.getByRole("gridcell", { name: /early/ }).click();
  const preview = page.getByRole("dialog");
  await expect(preview.getByRole("heading", { name: "Predictions" })).toBeVisible();
  await expect(preview.getByRole("listitem").first()).toContainText("%");
  await page.keyboard.press("Escape");

  // A photo that was in no job leads to a new job.
  await page.getByLabel("Search by name").fill("found-none");
  await page.getByRole("gridcell", { name: /none/ }).click();
  await expect(preview).toContainText("No job has classified this photo yet.");
  await expectAccessible(page);
  await preview.getByRole("button", { name: "Classify it" }).click();
  await expect(page.getByRole("heading", { name: "1 photo", exact: true })).toBeVisible();
  expect(none).toBeTruthy();
});

test("from photos to a table by keyboard alone, and notifications are announced", async ({
  page,
  service,
}) => {
  await service.store("by-key.png", makePng(3200), "image/png");
  await page.goto("/?q=by-key");
  await expect(page.getByRole("gridcell")).toHaveCount(1);
  const reach = async (name: RegExp) => {
    for (let i = 0; i < 60; i += 1) {
      await page.keyboard.press("Tab");
      const words = await page.evaluate(() => {
        const at = document.activeElement;
        const words = at?.closest("label")?.textContent ?? at?.textContent ?? "";
        return `${at?.getAttribute("aria-label") ?? ""} ${words}`;
      });
      if (name.test(words)) return;
    }
    throw new Error(`Tab does not reach ${String(name)}`);
  };
  await reach(/by-key\.png/);
  await page.keyboard.press("Space");
  await expect(page.getByText("1 photo selected")).toBeVisible();
  for (let i = 0; i < 6; i += 1) await page.keyboard.press("Shift+Tab");
  await reach(/Classify/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "New job" })).toBeFocused();
  await expect(page.getByText("A starter model is in use.")).toBeVisible();
  await reach(/Classify 1 photo/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Labels" })).toBeVisible({ timeout: 180_000 });
  await reach(/Share/);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menu")).toBeHidden();
  // The toast is in a region that screen readers announce.
  const announced = page.locator("[aria-live=polite]").filter({ hasText: "Link copied" });
  await expect(announced.getByText("Link copied")).toBeVisible();
  await reach(/Groups/);
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("table")).toBeVisible();
});
