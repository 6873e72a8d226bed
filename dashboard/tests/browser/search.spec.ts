// Photos found by what they show, duplicates, and what is answered from memory.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Locator, Page } from "@playwright/test";
import { expect, expectAccessible, skipWhereItCannotRun, test } from "./fixtures";
import { makePng, noPhotos, photos } from "./images";
import type { Service } from "./service";

skipWhereItCannotRun();

const cell = (page: Page, name: string) => page.getByRole("gridcell", { name });
const words = (page: Page) => page.getByLabel("Search by name or what they show");

// Real photos whose names say nothing, in a folder of this test.
async function storePhotos(service: Service, folder: string): Promise<Map<string, string>> {
  const keys = new Map<string, string>();
  for (const file of photos()) {
    const what = basename(file, ".jpg");
    const name = `${folder}-${keys.size}.jpg`;
    const path = `${folder}/${name}`;
    await service.store(name, readFileSync(file), "image/jpeg", path);
    keys.set(what, name);
  }
  await service.looked();
  return keys;
}

test("a search finds photos by name, and by what they show", async ({ page, service }) => {
  test.skip(photos().length === 0, noPhotos);
  const names = await storePhotos(service, "shown");
  const owl = names.get("owl") ?? "";
  const hotDog = names.get("hot_dog") ?? "";
  await page.goto("/?folder=shown");
  await expect(cell(page, owl)).toBeVisible();
  const named = page.getByRole("radio", { name: /^By name/ });
  const shown = page.getByRole("radio", { name: "By what they show" });

  // No name fits, so what they show counts; the folder applies to both.
  await words(page).fill("owl");
  await expect(shown).toBeChecked();
  await expect(page.getByRole("gridcell").first()).toHaveAccessibleName(`shown/${owl}`);
  await expect(page.getByRole("gridcell")).toHaveCount(names.size);
  await words(page).fill("hot dog");
  await expect(page.getByRole("gridcell").first()).toHaveAccessibleName(`shown/${hotDog}`);
  await expectAccessible(page);

  // Names come first where some fit; the other way is one click away, and in the address.
  await words(page).fill(hotDog);
  await expect(named).toBeChecked();
  await expect(page.getByRole("radio", { name: "By name (1)" })).toBeVisible();
  await expect(page.getByRole("gridcell")).toHaveCount(1);
  await words(page).fill("shown");
  await shown.check();
  await expect(page).toHaveURL(/by=content/);
  await page.reload();
  await expect(shown).toBeChecked();
  await expect(page.getByRole("gridcell")).toHaveCount(names.size);

  // The same grid: keys, selection, preview and Back.
  await page.getByRole("gridcell").first().focus();
  await page.keyboard.press("Enter");
  const preview = page.getByRole("dialog");
  await expect(preview).toContainText(`1 of ${names.size}`);
  await page.reload();
  await expect(preview).toContainText(`1 of ${names.size}`);
  await page.goBack();
  await expect(preview).toBeHidden();
  await page.getByRole("gridcell").first().focus();
  await page.keyboard.press("Space");
  await expect(page.getByText("1 photo selected")).toBeVisible();

  // An emptied field shows all again.
  await words(page).fill("");
  await expect(page).not.toHaveURL(/by=|q=/);
  await expect(cell(page, hotDog)).toBeVisible();
});

test("more like a photo, from its preview and from the selection", async ({ page, service }) => {
  test.skip(photos().length === 0, noPhotos);
  const names = await storePhotos(service, "like");
  const owl = names.get("owl") ?? "";
  await page.goto("/?folder=like");
  await cell(page, owl).click();
  const preview = page.getByRole("dialog");
  await expect(preview.getByRole("button", { name: "More like this" })).toBeVisible();
  await page.keyboard.press("m");
  const heading = page.getByRole("heading", { name: `More like ${owl}` });
  await expect(heading).toBeVisible();
  await expect(page).toHaveURL(/like=uploads/);
  await expect(page.getByRole("gridcell").first()).toBeVisible();
  await expect(cell(page, owl)).toBeHidden();
  await expectAccessible(page);
  await page.reload();
  await expect(heading).toBeVisible();
  await page.goBack();
  await expect(preview).toContainText(owl);
  await page.goBack();
  await expect(preview).toBeHidden();

  await cell(page, owl).focus();
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "More like this" }).click();
  await expect(heading).toBeVisible();
  await page.getByRole("link", { name: "Show all photos" }).click();
  await expect(heading).toBeHidden();
  await page.getByRole("button", { name: "Clear", exact: true }).click();
});

test("a picture on the search field finds its like, and uploads nothing", async ({
  page,
  service,
}) => {
  test.skip(photos().length === 0, noPhotos);
  const names = await storePhotos(service, "dropped");
  const owl = photos().find((file) => file.endsWith("owl.jpg")) ?? "";
  await page.goto("/?folder=dropped");
  const field = words(page);
  await expect(cell(page, names.get("owl") ?? "")).toBeVisible();

  const send = (
    target: Locator,
    kind: "dragenter" | "dragover" | "drop" | "paste",
    name: string,
    content: Buffer,
  ) =>
    target.evaluate(
      (element, [type, file, bytes]) => {
        const transfer = new DataTransfer();
        const data = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
        transfer.items.add(new File([data], file));
        const init = { bubbles: true, cancelable: true };
        element.dispatchEvent(
          type === "paste"
            ? new ClipboardEvent(type, { ...init, clipboardData: transfer })
            : new DragEvent(type, { ...init, dataTransfer: transfer }),
        );
      },
      [kind, name, content.toString("base64")] as const,
    );

  // Which of both will happen is said before.
  const photo = readFileSync(owl);
  await send(page.locator("body"), "dragenter", "one.jpg", photo);
  await expect(page.getByText("Drop to upload")).toBeVisible();
  await expect(page.getByText("Drop here to find photos like it")).toBeVisible();
  await send(field, "dragover", "one.jpg", photo);
  await expect(page.getByText("Drop to search")).toBeVisible();
  await expect(page.getByText("Nothing is uploaded")).toBeVisible();
  await send(field, "drop", "one.jpg", photo);
  await expect(page.getByText("Drop to search")).toBeHidden();
  await expect(page.getByRole("heading", { name: "More like one.jpg" })).toBeVisible();
  await expect(cell(page, names.get("owl") ?? "")).toBeVisible();
  await expectAccessible(page);

  // Another one, pasted or chosen.
  await send(field, "paste", "two.jpg", photo);
  await expect(page.getByRole("heading", { name: "More like two.jpg" })).toBeVisible();
  await page.getByLabel("Picture to search with").setInputFiles(owl);
  await expect(page.getByRole("heading", { name: "More like owl.jpg" })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole("heading", { name: "More like two.jpg" })).toBeVisible();

  await send(field, "drop", "notes.txt", Buffer.from("only words"));
  await expect(page.getByRole("alert").getByText("“notes.txt” is not a picture.")).toBeAttached();
  await expect(page.getByRole("region", { name: "Uploads" })).toBeHidden();

  // It was in this tab only.
  await page.reload();
  await expect(page.getByText("The picture is no longer here")).toBeVisible();
  await page.getByRole("button", { name: "Show all photos" }).click();
  await expect(page.getByRole("gridcell").first()).toBeVisible();
});

test("photos that were not looked at are counted, and looked at on request", async ({
  page,
  service,
}) => {
  await service.store("unseen.png", makePng(9800), "image/png");
  let state = { model: "m", indexed: 1_200, total: 10_000, pending: 0, busy: false };
  let asked = 0;
  await page.route("**/index", (route) => {
    asked += 1;
    if (route.request().method() === "POST") state = { ...state, pending: 8_800, busy: true };
    return route.fulfill({ json: state });
  });
  await page.goto("/?q=unseen");
  await expect(cell(page, "unseen.png")).toBeVisible();
  const line = page.getByText("1,200 of 10,000 photos can be found by what they show.");
  await expect(line).toBeVisible();
  await page.getByRole("button", { name: "Look at all photos" }).click();
  await expect(page.getByRole("progressbar", { name: "Photos looked at" })).toBeVisible();
  await expectAccessible(page);
  state = { ...state, indexed: 9_999, pending: 0, busy: false };
  await expect(page.getByText("1 cannot be looked at.")).toBeVisible();
  // Nothing is asked for once nothing changes.
  const before = asked;
  await page.waitForTimeout(4_000);
  expect(asked).toBe(before);
  state = { ...state, indexed: 10_000 };
  await page.reload();
  await expect(cell(page, "unseen.png")).toBeVisible();
  await expect(line).toBeHidden();

  // A server that cannot search so shows none of it.
  await page.route("**/index", (route) =>
    route.fulfill({ status: 422, json: { error: "this service cannot search" } }),
  );
  await page.goto("/?q=nothing+has+this+name");
  await expect(page.getByRole("heading", { name: "No photo matches" })).toBeVisible();
  await expect(page.getByLabel("Search by name", { exact: true })).toBeVisible();
  await expect(page.getByRole("radio", { name: "By what they show" })).toBeHidden();
  await expect(page.getByRole("link", { name: "Duplicates" })).toBeHidden();
});

// A picture that no other test has, as a JPEG of these sizes and qualities.
const draw = (page: Page, versions: readonly (readonly [number, number])[]): Promise<string[]> =>
  page.evaluate((wanted) => {
    const [width, height] = [1600, 1200];
    const canvas = new OffscreenCanvas(width, height);
    const pen = canvas.getContext("2d");
    let seed = 12_345;
    const next = (most: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return (seed / 2_147_483_648) * most;
    };
    for (let i = 0; pen && i < 400; i += 1) {
      pen.fillStyle = `hsl(${next(360)} 70% ${20 + next(60)}%)`;
      pen.fillRect(next(width), next(height), 20 + next(300), 20 + next(300));
    }
    return Promise.all(
      wanted.map(async ([scale, quality]) => {
        const copy = new OffscreenCanvas(width * scale, height * scale);
        copy.getContext("2d")?.drawImage(canvas, 0, 0, copy.width, copy.height);
        const blob = await copy.convertToBlob({ type: "image/jpeg", quality });
        const bytes = new Uint8Array(await blob.arrayBuffer());
        return btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""));
      }),
    );
  }, versions);

// Other tests' photos may be above, and only groups in view are drawn.
async function scrollTo(page: Page, group: Locator): Promise<void> {
  await expect(page.getByRole("region", { name: /^Like / }).first()).toBeVisible();
  await expect(async () => {
    if (!(await group.isVisible())) await page.mouse.wheel(0, 400);
    await expect(group).toBeVisible({ timeout: 200 });
  }).toPass();
}

test("duplicates are shown, compared, and all but the best deleted", async ({ page, service }) => {
  await page.goto("/settings");
  const made = await draw(page, [
    [1, 0.95],
    [1, 0.6],
    [0.5, 0.9],
  ]);
  const files = ["copy-best.jpg", "copy-pressed.jpg", "copy-small.jpg"];
  for (const [i, file] of files.entries())
    await service.store(file, Buffer.from(made[i] ?? "", "base64"));
  await service.looked();

  await page.goto("/?q=copy-");
  await page.getByRole("link", { name: "Duplicates" }).click();
  await expect(page.getByRole("heading", { name: "Duplicates", level: 1 })).toBeVisible();
  await page.getByRole("radio", { name: "Rather alike" }).check();
  await expect(page).toHaveURL(/alike=rather/);
  const group = page.getByRole("region", { name: "Like copy-best.jpg" });
  await page.mouse.move(640, 500);
  await scrollTo(page, group);
  await expect(group.getByRole("heading")).toHaveText("3 photos that are alike");
  await expect(group).toContainText("The best is");
  await expect(group.getByRole("listitem").first()).toContainText("Best");
  await expect(group.getByRole("listitem").first()).toContainText("1600 × 1200");
  await expectAccessible(page);
  await page.reload();
  await scrollTo(page, group);

  // Side by side, and both zoomed.
  await group.getByRole("button", { name: "Compare copy-small.jpg" }).click();
  const sides = page.getByRole("dialog", { name: "Compare" });
  await expect(sides).toContainText("2 of 2");
  const scaleOf = (name: string) =>
    sides
      .getByRole("figure", { name })
      .locator(".zoom-picture")
      .evaluate((element) => new DOMMatrix(getComputedStyle(element).transform).a);
  await expect(sides.getByRole("img", { name: "copy-small.jpg" })).toBeVisible();
  await page.keyboard.press("+");
  await expect.poll(() => scaleOf("copy-best.jpg")).toBeGreaterThan(1.4);
  expect(await scaleOf("copy-small.jpg")).toBeCloseTo(await scaleOf("copy-best.jpg"), 1);
  await page.keyboard.press("ArrowLeft");
  await expect(sides.getByRole("figure", { name: "copy-pressed.jpg" })).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await expect(sides).toBeHidden();

  // All but the best of this group; nothing is deleted before it is asked for.
  await group.getByRole("button", { name: "Select all but the best" }).click();
  await expect(page.getByText("2 photos selected")).toBeVisible();
  await expect(group.getByRole("checkbox", { name: /copy-best/ })).not.toBeChecked();
  await page
    .getByRole("group", { name: "Selection" })
    .getByRole("button", { name: "Delete" })
    .click();
  await expect(page.getByText("2 photos moved to the trash")).toBeVisible();
  await expect(group).toBeHidden();
  await page.goto("/?q=copy-&by=name");
  await expect(cell(page, "copy-best.jpg")).toBeVisible();
  await expect(cell(page, "copy-small.jpg")).toBeHidden();
});

test("a job that is asked again answers from memory", async ({ page, service }) => {
  const keys: string[] = [];
  for (const name of ["a", "b", "c"])
    keys.push(await service.store(`again-${name}.png`, makePng(9700 + keys.length), "image/png"));
  const job = await service.submit(keys, {
    job_type: "custom_classification",
    custom_labels: ["cat", "dog"],
    confidence_threshold: 0.2,
  });
  await service.finish(job);
  await page.goto(`/job/${job}`);
  await page.getByRole("button", { name: "Ask again with other labels" }).click();
  await expect(page.getByRole("heading", { name: "3 photos", exact: true })).toBeVisible();
  await expect(page.getByRole("list", { name: "Categories" })).toContainText("dog");
  const field = page.getByLabel("Add a category");
  await expect(field).toBeFocused();
  await page.keyboard.type("zebra");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Classify 3 photos" }).click();
  await expect(page).toHaveURL(/\/job\//);
  await expect(page.getByText("3 of 3 from memory")).toBeVisible();
  await expect(page.getByRole("list", { name: "Categories of this job" })).toContainText("zebra");
  await expectAccessible(page);

  // From the history too.
  await page.goto(`/history?q=${job}`);
  await page.getByRole("button", { name: /^Actions for/ }).click();
  await page.getByRole("menuitem", { name: "Ask again with other labels" }).click();
  await expect(page.getByRole("heading", { name: "3 photos", exact: true })).toBeVisible();
  await expect(field).toBeFocused();
});
