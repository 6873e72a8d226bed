// What a page transfers while nobody touches it: two minutes, with real servers and real lists.
import type { Page } from "@playwright/test";
import { expect, idleForTwoMinutes, skipWhereItCannotRun, test } from "./fixtures";
import { fillStore, makePng } from "./images";
import { Service } from "./service";

skipWhereItCannotRun();

const counts = process.env.IDLE_PHOTOS ? [Number(process.env.IDLE_PHOTOS)] : [1_000];
const mostBytes = 20_000;

// Bytes over the wire, as the browser's own network panel counts them.
async function meter(page: Page): Promise<() => { bytes: number; urls: string[] }> {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  let bytes = 0;
  const urls: string[] = [];
  session.on("Network.responseReceived", ({ response }) => urls.push(response.url));
  session.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  return () => ({ bytes, urls });
}

for (const count of counts) {
  test(`two idle minutes with ${count} photos transfer little, on every page`, async ({ page }) => {
    test.setTimeout(600_000);
    const own = new Service();
    try {
      fillStore(own.folder, count, 32);
      await own.start();
      await expect
        .poll(
          async () =>
            (await own.call<{ complete?: boolean; total: number }>("/images?offset=0&limit=1"))
              .complete !== false,
          { timeout: 120_000 },
        )
        .toBe(true);
      const { images } = await own.call<{ images: { key: string }[] }>("/images?limit=20");
      const jobs: string[] = [];
      for (let i = 0; i < 3; i += 1) jobs.push(await own.submit(images.map(({ key }) => key)));
      for (const job of jobs) await own.finish(job);
      await page.clock.install();
      for (const path of [
        "/",
        "/new",
        "/history",
        "/settings",
        `/job/${jobs[0] ?? ""}`,
        "/deleted",
      ]) {
        await page.goto(own.url + path);
        await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
        await page.waitForLoadState("networkidle");
        const read = await meter(page);
        const start = read();
        await idleForTwoMinutes(page);
        const { bytes, urls } = read();
        const transferred = bytes - start.bytes;
        console.log(`${path}: ${transferred} bytes in ${urls.length} answers`);
        expect(transferred, `${path}: ${urls.join(" ")}`).toBeLessThan(mostBytes);
        if (path !== "/" && path !== "/new")
          expect(urls.filter((url) => url.includes("/images"))).toEqual([]);
      }
    } finally {
      await own.remove();
    }
  });
}

test("a hidden tab asks for nothing, and catches up when it is back", async ({
  page,
  forgetful: service,
}) => {
  const keys: string[] = [];
  for (let i = 0; i < 3; i += 1)
    keys.push(await service.store(`hidden-${i}.png`, makePng(9_500 + i, 64), "image/png"));
  const job = await service.submit(Array.from({ length: 3_000 }, () => keys).flat());
  await page.goto(`${service.url}/job/${job}`);
  await expect(page.getByRole("heading", { name: "Just finished" })).toBeVisible();
  const show = (state: "hidden" | "visible") =>
    page.evaluate((to) => {
      Object.defineProperty(document, "visibilityState", { value: to, configurable: true });
      Object.defineProperty(document, "hidden", { value: to === "hidden", configurable: true });
      document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
    }, state);
  await show("hidden");
  await page.waitForTimeout(1_000); // what was on its way arrives
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.waitForTimeout(5_000);
  expect(asked).toEqual([]);
  await service.post(`/jobs/${job}/cancel`, {});
  await show("visible");
  await expect(page.getByText("This job was cancelled.")).toBeVisible();
});
