// Runs the real program, with an empty data folder and on free ports.
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../../..");
export const binary = process.env.CLASSIFIER_BIN ?? join(root, "build/release/classifier");

// Why the tests cannot run here; empty when they can.
export const missing = (): string => {
  const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";
  if (!existsSync(chromium)) return `there is no Chromium at ${chromium} (set CHROMIUM)`;
  if (!existsSync(binary)) return `the program is not built: ${binary} (run scripts/setup.sh)`;
  if (!existsSync(join(root, "dashboard/dist/index.html")))
    return "the page is not built (npm run build)";
  return "";
};

interface Ports {
  api: number;
  page: number;
}

export class Service {
  readonly folder = mkdtempSync(join(tmpdir(), "classifier-browser-"));
  url = "";
  private process: ChildProcess | undefined;
  private ports: Ports = { api: 0, page: 0 };

  constructor(private readonly settings: Record<string, string> = {}) {}

  // After a stop it starts on the same ports, so that the page finds it again.
  async start(): Promise<this> {
    const log = join(this.folder, `log-${Date.now()}`);
    const output = openSync(log, "w");
    this.process = spawn(binary, ["serve"], {
      env: {
        ...process.env,
        DATA_DIR: join(this.folder, "data"),
        DASHBOARD_DIR: join(root, "dashboard/dist"),
        PORT: String(this.ports.api),
        DASHBOARD_PORT: String(this.ports.page),
        ML_PORT: "0",
        ...this.settings,
      },
      stdio: ["ignore", output, output],
    });
    const urls = await this.waitForUrls(log);
    const [api = "", page = ""] = urls;
    this.ports = { api: Number(new URL(api).port), page: Number(new URL(page).port) };
    this.url = `http://localhost:${this.ports.page}`;
    return this;
  }

  private async waitForUrls(log: string): Promise<string[]> {
    const end = Date.now() + 60_000;
    for (;;) {
      const text = readFileSync(log, "utf8");
      if (text.includes("ML service at")) {
        const urls = [...text.matchAll(/http:\/\/[^\s,]+/g)].map(([url]) => url);
        return [urls[0] ?? "", urls.at(-2) ?? ""];
      }
      if (this.process?.exitCode !== null || Date.now() > end) {
        throw new Error(`the service did not start: ${text}`);
      }
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  async stop(): Promise<void> {
    const process = this.process;
    if (!process || process.exitCode !== null) return;
    const gone = new Promise((done) => process.once("exit", done));
    process.kill("SIGTERM");
    await gone;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async call<T>(path: string, init?: RequestInit): Promise<T> {
    const response = await fetch(this.url + path, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.call<T>(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  // Stores an image without the page; returns its key. `path`: the user's own, with folders.
  async store(name: string, content: Buffer, type = "image/jpeg", path?: string): Promise<string> {
    const ticket = await this.post<{ upload_url: string; s3_key: string }>("/upload-url", {
      filename: name,
      content_type: type,
      path,
    });
    const answer = await fetch(ticket.upload_url, {
      method: "PUT",
      headers: { "Content-Type": type },
      body: new Uint8Array(content),
    });
    if (!answer.ok) throw new Error(await answer.text());
    return ticket.s3_key;
  }

  storeFile(file: string): Promise<string> {
    return this.store(
      basename(file),
      readFileSync(file),
      file.endsWith(".png") ? "image/png" : "image/jpeg",
    );
  }

  async submit(keys: string[], more: Record<string, unknown> = {}): Promise<string> {
    const body = {
      job_type: "image_classification",
      s3_keys: keys,
      confidence_threshold: 0.3,
      ...more,
    };
    return (await this.post<{ job_id: string }>("/submit", body)).job_id;
  }

  // Until every photo has been looked at; those that cannot be read never are.
  async looked(): Promise<void> {
    let quiet = 0;
    while (quiet < 40) {
      const { busy, indexed, total } = await this.call<{
        busy: boolean;
        indexed: number;
        total: number;
      }>("/index");
      if (!busy && indexed === total) return;
      quiet = busy ? 0 : quiet + 1;
      await new Promise((done) => setTimeout(done, 100));
    }
  }

  async finish(job: string): Promise<string> {
    for (;;) {
      const { status } = await this.call<{ status: string }>(`/status/${job}`);
      if (["completed", "failed", "cancelled"].includes(status)) return status;
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}
