import { defineConfig } from "@playwright/test";

// The system browser; tests need neither its sandbox nor its background network calls.
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
  // Each worker has its own service. Two, because classification needs the processor too.
  workers: 2,
  // Generous, since pages are rendered without a graphics card, perhaps on a busy machine.
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
