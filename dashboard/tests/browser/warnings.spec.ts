// What is accepted with a warning: categories that mislead, and photos that are not whole.
import { readFileSync } from "node:fs";
import { expect, expectAccessible, skipWhereItCannotRun, test } from "./fixtures";
import { makePng } from "./images";

skipWhereItCannotRun();

// Its rows are not compressed, so that its length says how much of the picture is there.
function makeBmp(size: number): Buffer {
  const header = Buffer.alloc(54);
  const pixels = Buffer.alloc(3 * size * size, 120);
  header.write("BM", 0, "latin1");
  header.writeUInt32LE(header.length + pixels.length, 2);
  header.writeUInt32LE(header.length, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(size, 18);
  header.writeInt32LE(size, 22);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(24, 28);
  return Buffer.concat([header, pixels]);
}

test("categories that mislead are told before a job runs", async ({ page, service }) => {
  await service.store("warned.png", makePng(6000), "image/png");
  await page.goto("/new");
  await page.getByRole("radio", { name: "Your categories" }).check();
  const field = page.getByLabel("Add a category");
  await field.fill("cat,");
  await field.press("Enter");
  const warnings = page.getByRole("list", { name: "Warnings about the categories" });
  await expect(warnings).toContainText("is the only label");
  await field.fill("hot dog");
  await field.press("Enter");
  await expect(warnings).toBeHidden();
  await field.fill("Hot\u00a0dog");
  await field.press("Enter");
  await expect(warnings.getByRole("listitem").first()).toContainText("differ only in case, spaces");
  await expectAccessible(page);
  // They do not keep anyone from starting it.
  await page.getByRole("button", { name: /^Classify/ }).click();
  await expect(page).toHaveURL(/\/job\/[0-9a-f-]+$/);
});

test("a photo that is not whole has a sign, and its preview the reason", async ({
  page,
  service,
}) => {
  const bmp = makeBmp(40);
  const job = await service.submit([
    await service.store("torn-0.bmp", bmp.subarray(0, bmp.length * 0.9), "image/bmp"),
    await service.store("torn-1.bmp", bmp, "image/bmp"),
  ]);
  await service.finish(job);
  const sentence = /^The file ends early: the last \d+ % of the picture is missing\.$/;
  await page.goto(`/job/${job}?view=table`);
  const sign = page.getByRole("img", { name: sentence });
  await expect(sign).toHaveCount(1);
  await expect(sign).toHaveAttribute("title", sentence);
  await expect(page.getByRole("row", { name: /torn-0/ }).getByRole("img")).toHaveCount(1);
  await expectAccessible(page);
  await page.getByRole("radio", { name: "Groups" }).check();
  await expect(sign).toHaveCount(1);
  await expectAccessible(page);
  await sign.click();
  const preview = page.getByRole("dialog", { name: /torn-0/ });
  await expect(preview).toContainText(/The file ends early: the last \d+ % of the picture/);
  await expectAccessible(page);
  await page.keyboard.press("Escape");

  const file = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export" }).click();
  await page.getByRole("menuitem", { name: /CSV for Excel/ }).click();
  const table = readFileSync(await (await file).path());
  expect([...table.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
  expect(table.toString("utf8")).toContain(",name,warning\r\n");
});
