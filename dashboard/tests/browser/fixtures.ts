// What every test has: its worker's own service, and a page whose errors fail the test.
import { expect, test as base, type Page } from "@playwright/test";
import axe from "axe-core";
import { Service, missing } from "./service";

interface Fixtures {
  problems: string[];
}

interface WorkerFixtures {
  service: Service;
  forgetful: Service; // remembers nothing, so that a job of few photos, each many times, takes a while
}

// A browser logs each 4xx and 5xx answer and each failed call; the page itself shows them to the user.
const isNetworkLine = (text: string): boolean =>
  text.startsWith("Failed to load resource") || text.includes("net::ERR_");

function watch(page: Page, problems: string[]): void {
  page.on("console", (message) => {
    if (message.type() === "error" && !isNetworkLine(message.text())) problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(error.message));
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  service: [
    // Playwright requires a pattern here, even an empty one.
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const service = await new Service().start();
      await use(service);
      await service.remove();
    },
    { scope: "worker" },
  ],
  forgetful: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const service = await new Service({ REMEMBER: "off" }).start();
      await use(service);
      await service.remove();
    },
    { scope: "worker" },
  ],
  baseURL: async ({ service }, use) => {
    await use(service.url);
  },
  // Errors of scripts and of the content policy fail the test in which they occur.
  problems: [
    async ({ page }, use) => {
      const problems: string[] = [];
      watch(page, problems);
      await use(problems);
      expect(problems).toEqual([]);
    },
    { auto: true },
  ],
});

export const skipWhereItCannotRun = (): void => {
  const reason = missing();
  test.skip(reason !== "", reason);
};

// Two minutes on the clock of a page, which was installed, in steps shorter than any timeout. Each step waits
// for the answers to what it asked: on a busy machine they would otherwise seem to take many seconds.
export async function idleForTwoMinutes(page: Page): Promise<void> {
  let open = 0;
  const begin = () => (open += 1);
  const end = () => (open -= 1);
  page.on("request", begin).on("requestfinished", end).on("requestfailed", end);
  for (let step = 0; step < 24; step += 1) {
    await page.clock.runFor(5_000);
    await page.waitForTimeout(30);
    await expect.poll(() => open, { intervals: [10] }).toBeLessThanOrEqual(0);
  }
  page.off("request", begin).off("requestfinished", end).off("requestfailed", end);
}

// All of axe's rules for WCAG 2.2 AA, and its best practices.
export async function expectAccessible(page: Page): Promise<void> {
  // Colours in the middle of a transition do not count: wait for its end.
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter((animation) => animation.effect?.getComputedTiming().endTime !== Infinity)
        .map((animation) => animation.finished.catch(() => undefined)),
    ),
  );
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: typeof import("axe-core") }).axe.run(
      document,
      {
        runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
      },
    );
    return violations.flatMap(({ id, help, nodes }) =>
      nodes.map(
        (node) => `${id}: ${help}: ${node.html.slice(0, 200)} ${node.failureSummary ?? ""}`,
      ),
    );
  });
  expect(found).toEqual([]);
}

export { expect };
