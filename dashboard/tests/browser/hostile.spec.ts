// Untrusted names and labels are shown as text, and never become markup.
import { expect, skipWhereItCannotRun, test } from "./fixtures";
import { makePng } from "./images";

skipWhereItCannotRun();

const attack = '<img src=x onerror="document.title=1"><script>document.title=2</script>';

test("markup in labels and names stays text", async ({ page, service }) => {
  const key = await service.store(`${attack}.png`, makePng(9000), "image/png");
  const job = await service.submit([key, `${attack}.jpg`], {
    job_type: "custom_classification",
    custom_labels: [attack, "javascript:alert(1)"],
    confidence_threshold: 0,
  });
  await service.finish(job);
  for (const path of [`/job/${job}`, "/history", "/"]) {
    await page.goto(path);
    await expect(page.getByRole("heading").first()).toBeVisible();
    await page.waitForLoadState("networkidle");
    expect(await page.locator('img[src="x"], [onerror], a[href^="javascript:"]').count()).toBe(0);
    expect(await page.title()).not.toMatch(/^[12]$/);
  }
  await page.goto(`/job/${job}`);
  await expect(page.getByText("onerror=").first()).toBeVisible();
});
