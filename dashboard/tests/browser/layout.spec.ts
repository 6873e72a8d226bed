// Every page at every size: nothing visible is cut off, covered or outside of the window.
import type { Page } from "@playwright/test";
import { expect, skipWhereItCannotRun, test } from "./fixtures";
import { makePng } from "./images";
import { layoutProblems } from "./layout";

skipWhereItCannotRun();

const sizes = [
  { name: "phone", width: 360, height: 740 },
  { name: "phone on its side", width: 740, height: 360 },
  { name: "1440 × 900 at 200 % zoom", width: 720, height: 450 },
  { name: "tablet", width: 820, height: 1180 },
  { name: "1440 × 900", width: 1440, height: 900 },
  { name: "4K", width: 3840, height: 2160 },
];

interface Shape {
  name: string;
  width: number;
  height: number;
}
const shapes: Shape[] = [
  { name: "tall", width: 300, height: 2400 },
  { name: "wide", width: 2400, height: 300 },
  { name: "tiny", width: 8, height: 8 },
];
const longName = `${"a very long name without an end ".repeat(6)}סוף-${"x".repeat(40)}.png`;

interface View {
  name: string;
  path: string;
  ready: (page: Page) => Promise<void>;
}

test("no page cuts off or covers anything", async ({ page, service }) => {
  test.setTimeout(600_000);
  const keys: string[] = [];
  for (let i = 0; i < 12; i += 1)
    keys.push(await service.store(`layout-${i}.png`, makePng(7000 + i), "image/png"));
  for (const { name, width, height } of shapes)
    keys.push(await service.store(`layout-${name}.png`, makePng(7100, width, height), "image/png"));
  keys.push(await service.store(longName, makePng(7200), "image/png"));
  const labels = ["cat", "a label that goes on and on so that no column has room for it", "קטן"];
  const job = await service.submit(keys, {
    job_type: "custom_classification",
    custom_labels: labels,
    name: "A name of a job that is quite a bit longer than most people would ever write",
  });
  await service.finish(job);
  const other = await service.submit(keys, {
    job_type: "custom_classification",
    custom_labels: [...labels, "dog"],
  });
  await service.finish(other);
  await service.store("layout-copy.png", makePng(7000), "image/png");
  await service.store("layout-twin.png", makePng(7200), "image/png");
  await service.looked();

  const visible = (locator: (page: Page) => ReturnType<Page["locator"]>) => async (at: Page) => {
    await expect(locator(at).first()).toBeVisible();
  };
  const views: View[] = [
    { name: "photos", path: "/", ready: visible((at) => at.getByRole("gridcell")) },
    {
      name: "photos, selected and filtered",
      path: "/?q=layout",
      ready: async (at) => {
        await at.getByRole("gridcell").first().focus();
        await at.keyboard.press("Control+a");
        await expect(at.getByText(/photos selected/)).toBeVisible();
      },
    },
    {
      name: "browse",
      path: "/",
      ready: async (at) => {
        await at.getByRole("button", { name: "Browse" }).click();
        await expect(at.getByRole("dialog", { name: "Browse photos" })).toBeVisible();
      },
    },
    ...["layout-tall", "layout-wide", "layout-tiny", "a very long"].map((name) => ({
      name: `preview of ${name}`,
      path: `/?q=${encodeURIComponent(name)}`,
      ready: async (at: Page) => {
        await at.getByRole("gridcell").first().focus();
        await at.keyboard.press("Enter");
        const photo = at.locator("img.full");
        await expect(photo).toBeVisible();
        await photo.evaluate((each: HTMLImageElement) => each.decode());
        await expect(at.getByRole("heading", { name: "Predictions" })).toBeVisible();
      },
    })),
    {
      name: "photos by what they show",
      path: "/?q=zebra&by=content",
      ready: visible((at) => at.getByRole("gridcell")),
    },
    {
      name: "photos like one",
      path: `/?like=${encodeURIComponent(keys.at(-1) ?? "")}`,
      ready: visible((at) => at.getByRole("gridcell")),
    },
    {
      name: "duplicates",
      path: "/duplicate-photos?alike=rather",
      ready: visible((at) => at.getByRole("button", { name: /^Compare / })),
    },
    {
      name: "two photos side by side",
      path: "/duplicate-photos?alike=rather",
      ready: async (at) => {
        await at.getByRole("button", { name: "Compare", exact: true }).first().click();
        await expect(at.getByRole("dialog").locator("img").first()).toBeVisible();
      },
    },
    { name: "trash", path: "/deleted", ready: visible((at) => at.getByRole("heading")) },
    {
      name: "new job",
      path: "/new",
      ready: async (at) => {
        await at.getByRole("radio", { name: "Your categories" }).check();
        await at.getByRole("button", { name: /^Animals/ }).click();
      },
    },
    {
      name: "result",
      path: `/job/${job}?t=0`,
      ready: visible((at) => at.getByRole("heading", { name: "Labels" })),
    },
    {
      name: "table",
      path: `/job/${job}?view=table`,
      ready: visible((at) => at.getByRole("table")),
    },
    {
      name: "two jobs",
      path: `/job/${job}?with=${other}`,
      ready: visible((at) => at.getByRole("heading")),
    },
    { name: "history", path: "/history", ready: visible((at) => at.getByRole("table")) },
    { name: "settings", path: "/settings", ready: visible((at) => at.getByLabel("Address")) },
    { name: "nothing", path: "/nowhere", ready: visible((at) => at.getByText("Page not found")) },
  ];

  const found: string[] = [];
  for (const size of sizes) {
    await page.setViewportSize(size);
    for (const view of views) {
      await page.goto("/settings");
      await page.evaluate(() => sessionStorage.clear());
      await page.goto(view.path);
      await view.ready(page);
      await page.evaluate(() => document.fonts.ready);
      // Dialogs and tiles come to rest.
      await page.waitForTimeout(250);
      for (const problem of await page.evaluate(layoutProblems))
        found.push(`${view.name} at ${size.name}: ${problem}`);
    }
  }
  expect(found).toEqual([]);
});
