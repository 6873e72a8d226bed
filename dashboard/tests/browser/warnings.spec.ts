// What is accepted with a warning: categories that mislead, and photos that are not whole.
import { readFileSync } from "node:fs";
import type { JobResult } from "../../src/api/types";
import { expect, expectAccessible, skipWhereItCannotRun, test } from "./fixtures";
import { makePng } from "./images";

skipWhereItCannotRun();

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
  const keys = await Promise.all(
    [0, 1].map((i) => service.store(`torn-${i}.png`, makePng(6100 + i), "image/png")),
  );
  const job = await service.submit(keys);
  await service.finish(job);
  // The service's own answer, as it is for a file that was cut.
  await page.route(`**/result/${job}?*`, async (route) => {
    const answer = await route.fetch();
    const result = (await answer.json()) as JobResult;
    for (const entry of result.detailed_results.slice(0, 1)) {
      entry.warning = "the file ends early: the last 5 % of the picture is missing";
    }
    await route.fulfill({ response: answer, json: result });
  });
  const sentence = "The file ends early: the last 5 % of the picture is missing.";
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
  await expect(preview).toContainText(sentence);
  await expectAccessible(page);
  await page.keyboard.press("Escape");

  const file = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export" }).click();
  await page.getByRole("menuitem", { name: /CSV for Excel/ }).click();
  const table = readFileSync(await (await file).path());
  expect([...table.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
  expect(table.toString("utf8")).toContain(",name,warning\r\n");
});
