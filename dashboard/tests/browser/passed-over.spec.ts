// Files of folders that are no photos are told, and photos that browsers do not show are shown.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { imageTypes } from "../../src/domain/kinds";
import { expect, expectAccessible, skipWhereItCannotRun, test } from "./fixtures";
import { folderWith, makePng } from "./images";

skipWhereItCannotRun();

const video = Buffer.from("\0\0\0\x14ftypqt  \0\0\0\0qt  ", "latin1");

test("a phone's folder is uploaded, and what is passed over is told by kind", async ({ page }) => {
  const folder = folderWith({
    "IMG_0001.HEIC": makePng(7001), // content decides
    "IMG_0001.MOV": video,
    "IMG_0001.AAE": "<plist/>",
    "IMG_0002.MOV": video,
    "._IMG_0001.HEIC": "x",
    "without ending": makePng(7002),
  });
  mkdirSync(join(folder, "@eaDir"));
  writeFileSync(join(folder, "@eaDir", "thumb.png"), makePng(7003));
  await page.goto("/");
  await page.getByLabel("Folder to upload").setInputFiles(folder);
  const line = "Left out: 2 videos, 1 sidecar file, 2 files of photo tools";
  const review = page.getByRole("dialog", { name: "Before uploading" });
  await expect(review).toContainText(line);
  await expect(review.getByRole("listitem").filter({ hasText: "IMG_0002.MOV" })).toContainText(
    "is not an image, but a video",
  );
  await expectAccessible(page);
  await review.getByRole("button", { name: "Upload 2 photos" }).click();

  const dock = page.getByRole("region", { name: "Uploads" });
  await expect(dock).toContainText("2 photos uploaded");
  await expect(dock).toContainText(line);
  await expect(dock.getByText("IMG_0001.AAE")).toBeHidden();
  await dock.getByText(line).click();
  for (const name of ["IMG_0001.AAE", "@eaDir/thumb.png", "._IMG_0001.HEIC"])
    await expect(dock.getByText(name)).toBeVisible();
  await expectAccessible(page);
  for (const name of [/IMG_0001/, /without ending/])
    await expect(page.getByRole("gridcell", { name })).toBeVisible();
  await expect(page.getByRole("gridcell", { name: /thumb/ })).toBeHidden();

  // The next upload has a line of its own.
  await dock.getByRole("button", { name: "Close" }).click();
  await page
    .getByLabel("Folder to upload")
    .setInputFiles(folderWith({ "a.png": makePng(7004), "Thumbs.db": "x" }));
  await expect(dock).toContainText("1 photo uploaded");
  await expect(dock).toContainText("Left out: 1 file of a photo tool");
});

test("a folder that has only files of tools is not passed over in silence", async ({ page }) => {
  await page.goto("/");
  await page
    .getByLabel("Folder to upload")
    .setInputFiles(folderWith({ ".DS_Store": "x", "Thumbs.db": "x" }));
  const review = page.getByRole("dialog", { name: "Before uploading" });
  await expect(review).toContainText("Nothing to upload");
  await expect(review).toContainText("Left out: 2 files of photo tools");
});

test("a photo of a type that browsers do not show is shown as a large thumbnail", async ({
  page,
  service,
}) => {
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  const isDrawn = () =>
    page
      .getByRole("dialog")
      .getByRole("img")
      .evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth > 0);
  for (const [name, type, original] of [
    ["shown.png", "image/png", true],
    ["phone.heic", "image/heic", false],
    ["camera.nef", "image/x-nikon-nef", false],
    ["scan.tiff", "image/tiff", false],
  ] as const) {
    const key = await service.store(name, makePng(7010), type);
    await page.goto(`/?q=${name.slice(0, -4)}`);
    await page.getByRole("gridcell", { name: new RegExp(name) }).click();
    await expect(page.getByRole("dialog")).toBeVisible();
    await expect.poll(isDrawn).toBe(true);
    const path = `/images/${encodeURIComponent(key)}`;
    expect(asked.some((url) => url.endsWith(path))).toBe(original);
    expect(asked.some((url) => url.includes(`${path}/thumbnail?size=2048`))).toBe(!original);
  }
});

test("an original that the browser refuses is shown as a large thumbnail", async ({
  page,
  service,
}) => {
  const key = await service.store("wrongly named.png", makePng(7020), "image/png");
  await page.route(`**/images/${encodeURIComponent(key)}`, (route) =>
    route.fulfill({ contentType: "image/png", body: "II*\0 and so on" }),
  );
  await page.goto("/?q=wrongly");
  await page.getByRole("gridcell").click();
  await expect(page.getByRole("dialog").getByRole("img")).toHaveAttribute("src", /size=2048/);
});

test("the server takes every type and ending of the page", async ({ service }) => {
  for (const [type, endings] of Object.entries(imageTypes)) {
    for (const ending of endings) {
      const ticket = await service.post<{ s3_key: string }>("/upload-url", {
        filename: `a${ending}`,
        content_type: type,
      });
      expect(ticket.s3_key).toMatch(new RegExp(`\\${ending}$`));
    }
  }
});
