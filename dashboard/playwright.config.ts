import { defineConfig } from "@playwright/test";

// The browser of the system; its sandbox and its calls home are of no use in a test.
const launchOptions = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
  ],
};

export default defineConfig({
  testDir: "tests/browser",
  outputDir: "../build/browser-tests",
  // Each worker has a service of its own. Two, because a classification takes the processor too.
  workers: 2,
  // Generous, since pages are drawn without a graphics card, perhaps on a busy machine.
  timeout: 240_000,
  expect: { timeout: 45_000 },
  forbidOnly: true,
  reporter: [["list"]],
  use: {
    launchOptions,
    viewport: { width: 1280, height: 800 },
    trace: "retain-on-failure",
    permissions: ["clipboard-read", "clipboard-write"],
  },
  projects: [
    { name: "browser", testMatch: "*.spec.ts" },
    { name: "screenshots", testMatch: "screenshots.ts" },
    { name: "measure", testMatch: "measure.ts" },
  ],
});
