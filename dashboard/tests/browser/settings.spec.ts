// Another backend, API keys, appearance, and the size of the first load.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, expectAccessible, skipWhereItCannotRun, test } from "./fixtures";
import { makePng } from "./images";
import { Service } from "./service";

skipWhereItCannotRun();

test("another backend with an API key, kept in the browser", async ({ page, service }) => {
  const other = await new Service({
    API_KEYS: "open-sesame",
    ALLOWED_ORIGINS: service.url,
  }).start();
  try {
    const headers = { "X-API-Key": "open-sesame", "Content-Type": "application/json" };
    const ticket = await other.call<{ upload_url: string }>("/upload-url", {
      method: "POST",
      headers,
      body: JSON.stringify({ filename: "elsewhere.png", content_type: "image/png" }),
    });
    await fetch(ticket.upload_url, {
      method: "PUT",
      headers: { "Content-Type": "image/png" },
      body: new Uint8Array(makePng(7)),
    });

    await page.goto("/settings");
    await expectAccessible(page);
    await page.getByLabel("Address").fill(other.url);
    await page.getByRole("button", { name: "Check health" }).click();
    await expect(page.getByText(/An API key is needed/)).toBeVisible();
    await page.getByLabel("API key").fill("wrong");
    await page.getByRole("button", { name: "Check health" }).click();
    await expect(page.getByText(/not one of the server's/)).toBeVisible();
    await page.getByLabel("API key").fill("open-sesame");
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.getByText("Healthy.")).toBeVisible();
    await page.reload();
    await expect(page.getByLabel("Address")).toHaveValue(other.url);

    // Lists, photos and uploads all go there, with the key.
    await page.getByRole("link", { name: "Photos" }).click();
    const tile = page.getByRole("gridcell", { name: /elsewhere/ });
    await expect(tile.locator("img")).toHaveJSProperty("complete", true);
    await expect(tile.locator("img")).toHaveAttribute("src", /^blob:/);
    await page
      .getByLabel("Photos to upload")
      .setInputFiles({ name: "sent.png", mimeType: "image/png", buffer: makePng(8) });
    await expect(page.getByRole("gridcell", { name: /sent/ })).toBeVisible();

    // Back to this server: the key stays with the other.
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByLabel("Address").fill("");
    await page.getByLabel("API key").fill("");
    const asked = page.waitForRequest("**/health");
    await page.getByRole("button", { name: "Save" }).click();
    expect((await asked).headers()).not.toHaveProperty("x-api-key");
    await expect(page.getByText("Healthy.")).toBeVisible();
  } finally {
    await other.remove();
  }
});

test("says why a backend cannot be used", async ({ page }) => {
  await page.goto("/settings");
  const check = async (address: string, words: RegExp) => {
    await page.getByLabel("Address").fill(address);
    await page.getByRole("button", { name: "Check health" }).click();
    await expect(page.getByText(words)).toBeVisible();
  };
  await check("no address at all", /is not an address/);
  await check("ftp://images.example", /must begin with http/);
  await check(
    "http://127.0.0.1:9",
    /^Not usable\. http:\/\/127\.0\.0\.1:9 cannot be reached: check that .*ALLOWED_ORIGINS has http:\S+\.$/,
  );
  await check("https://127.0.0.1:9", /that its certificate is valid/);
  let answer: [number, string] = [200, "<html>"];
  const stranger = createServer((_request, response) => {
    response.writeHead(answer[0], { "Access-Control-Allow-Origin": "*" });
    response.end(answer[1]);
  });
  await new Promise<void>((ready) => stranger.listen(0, "127.0.0.1", ready));
  const { port } = stranger.address() as AddressInfo;
  const sentence = /^Not usable\. http:\S+ is not a classifier: check the address and the port\.$/;
  for (answer of [
    [200, "<html>"],
    [404, "<html>"],
    [404, '{"error":"there is nothing at /health"}'],
    [200, '{"status":"ok"}'],
  ] as [number, string][]) {
    await check("http://127.0.0.1:9", /cannot be reached/);
    await check(`http://127.0.0.1:${port}`, sentence);
  }
  stranger.close();
  await expectAccessible(page);
});

test("light and dark are chosen, kept, and both accessible", async ({ page, service }) => {
  await service.store("dark.png", makePng(9), "image/png");
  await page.goto("/settings");
  await page.getByRole("radio", { name: "Dark" }).check();
  await page.reload();
  const scheme = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  expect(await scheme()).toBe("dark");
  for (const path of ["/", "/new", "/history", "/settings"]) {
    await page.goto(path);
    await expect(page.locator(".skeleton")).toHaveCount(0);
    await expectAccessible(page);
  }
});

test("the first load is at most 250 kB", async ({ page }) => {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  let bytes = 0;
  session.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  await page.goto("/settings");
  await expect(page.getByRole("heading", { name: "Settings" })).toBeVisible();
  await page.waitForLoadState("networkidle");
  console.log(`first load: ${bytes} bytes`);
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThanOrEqual(250_000);
});

test("a shared link names its backend, and is opened there only after the user confirms", async ({
  page,
  service,
  browser,
}) => {
  const other = await new Service({ ALLOWED_ORIGINS: service.url }).start();
  try {
    const key = await other.store("there.png", makePng(11), "image/png");
    const job = await other.submit([key]);
    await other.finish(job);

    // Copied from a page that shows another backend.
    await page.goto("/settings");
    await page.getByLabel("Address").fill(other.url);
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.getByText("Healthy.")).toBeVisible();
    await page.goto(`/job/${job}?view=table`);
    await page.getByRole("button", { name: "Share" }).click();
    await page.getByRole("menuitem", { name: "Copy the link" }).click();
    await expect(page.getByText("Link copied")).toBeVisible();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    expect(link).toBe(
      `${service.url}/job/${job}?view=table&backend=${encodeURIComponent(other.url)}`,
    );
    // Where that backend is already in use, there is nothing to ask.
    await page.goto(link);
    await expect(page.getByRole("table")).toBeVisible();

    // Somebody else, with an API key for their own backend.
    const context = await browser.newContext();
    await context.addInitScript(() => {
      localStorage.setItem("classifier.settings", JSON.stringify({ keys: { "": "my-secret" } }));
    });
    const guest = await context.newPage();
    const calls: { url: string; key: string | undefined }[] = [];
    guest.on("request", (request) => {
      if (request.url().startsWith(other.url))
        calls.push({ url: request.url(), key: request.headers()["x-api-key"] });
    });
    await guest.goto(link);
    await expect(guest.getByRole("heading", { name: /on another server\?/ })).toBeVisible();
    await expect(guest.getByText(other.url)).toBeVisible();
    await expect(guest.getByText("You have not used it before.")).toBeVisible();
    await expectAccessible(guest);
    expect(calls).toEqual([]);
    await guest.getByRole("button", { name: "Keep my server" }).click();
    await expect(guest.getByRole("heading", { name: "Job not found" })).toBeVisible();
    await expect(guest).toHaveURL(`${service.url}/job/${job}?view=table`);
    expect(calls).toEqual([]);

    await guest.goto(link);
    await guest.getByRole("button", { name: "Switch server" }).click();
    await expect(guest.getByRole("row", { name: /there/ })).toBeVisible();
    expect(calls.length).toBeGreaterThan(0);
    expect(calls.filter((call) => call.key !== undefined)).toEqual([]);

    await guest.goto(`/job/${job}?backend=javascript:alert(1)`.replace(/^/, service.url));
    await expect(
      guest.getByRole("heading", { name: /server in this link cannot be used/ }),
    ).toBeVisible();
    await guest.getByRole("button", { name: /^Continue with/ }).click();
    await context.close();
  } finally {
    await other.remove();
  }
});

test("every page is accessible in dark, and on a phone", async ({ page, service }) => {
  const key = await service.store("axe.png", makePng(12), "image/png");
  const job = await service.submit([key, "uploads/missing.png"], { confidence_threshold: 0 });
  await service.finish(job);
  await page.emulateMedia({ colorScheme: "dark" });
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    for (const path of [
      "/",
      `/?job=${job}`,
      "/?q=zebra&by=content",
      `/?like=${encodeURIComponent(key)}`,
      "/duplicate-photos",
      "/new",
      `/job/${job}`,
      `/job/${job}?view=table`,
      "/history",
      "/settings",
    ]) {
      await page.goto(path);
      await expect(page.locator(".skeleton")).toHaveCount(0);
      await expectAccessible(page);
    }
  }
});
