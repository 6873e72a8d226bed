// Sends files, several at once, and reports the progress. Independent of HTTP and of the page.
import { ApiError, sentenceOf } from "../api/client";
import type { Candidate } from "./prepare";

export type UploadState = "waiting" | "sending" | "done" | "failed" | "cancelled";

export interface Item extends Candidate {
  batch: string; // the upload of many files that it belongs to
}

export interface Upload extends Item {
  id: number;
  state: UploadState;
  sent: number; // bytes
  error: string;
  key: string; // in the store, once done
}

export interface UploadProgress {
  uploads: readonly Upload[];
  active: boolean;
  serverAway: boolean; // the server cannot be reached; sending resumes when it is back
  total: number; // files, without those that were cancelled
  done: number;
  failed: number;
  bytes: number;
  sentBytes: number;
  bytesPerSecond: number;
  msLeft: number; // NaN until known
}

// Sends one file and returns its key. Rejects with an ApiError, or with anything once aborted.
export type Send = (
  item: Item,
  onSent: (bytes: number) => void,
  signal: AbortSignal,
) => Promise<string>;

export interface QueueOptions {
  parallel: number;
  tellEveryMs: number;
  retryMs: number; // before a file is tried again; doubles each time for a server that fails
  maxRetries: number; // per file while the server answers with errors
}

const defaults: QueueOptions = { parallel: 4, tellEveryMs: 100, retryMs: 1_000, maxRetries: 2 };
const speedWindowMs = 8_000;

const emptyProgress: UploadProgress = {
  uploads: [],
  active: false,
  serverAway: false,
  total: 0,
  done: 0,
  failed: 0,
  bytes: 0,
  sentBytes: 0,
  bytesPerSecond: 0,
  msLeft: NaN,
};

export class UploadQueue {
  private uploads: Upload[] = [];
  private nextId = 1;
  private running = 0;
  private next = 0; // no upload before this index is waiting
  private away = false;
  private stop = new AbortController();
  private progress = emptyProgress;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private samples: { at: number; bytes: number }[] = [];
  private readonly listeners = new Set<() => void>();
  private readonly options: QueueOptions;

  constructor(
    private readonly send: Send,
    options: Partial<QueueOptions> = {},
  ) {
    this.options = { ...defaults, ...options };
  }

  get = (): UploadProgress => this.progress;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  // A finished queue starts over.
  add(items: readonly Item[]): void {
    if (!this.progress.active) this.forget();
    for (const item of items) {
      this.uploads.push({
        ...item,
        id: this.nextId++,
        state: "waiting",
        sent: 0,
        error: "",
        key: "",
      });
    }
    this.start();
  }

  // What has been sent stays; the rest is not sent.
  cancel(): void {
    this.stop.abort();
    for (const upload of this.uploads) {
      if (upload.state === "waiting" || upload.state === "sending") {
        upload.state = "cancelled";
        upload.sent = 0;
      }
    }
    this.tell();
  }

  retryFailed(): void {
    for (const upload of this.uploads) {
      if (upload.state === "failed")
        Object.assign(upload, { state: "waiting", sent: 0, error: "" });
    }
    this.next = 0;
    this.start();
  }

  forget(): void {
    if (this.progress.active) return;
    this.uploads = [];
    this.next = 0;
    this.samples = [];
    this.tell();
  }

  private start(): void {
    if (this.stop.signal.aborted) this.stop = new AbortController();
    const { signal } = this.stop;
    while (this.running < this.options.parallel && this.waiting()) {
      this.running += 1;
      void this.work(signal).finally(() => {
        this.running -= 1;
        // Files added while this worker was stopping have no worker yet.
        if (!this.stop.signal.aborted) this.start();
        else this.tell();
      });
    }
    this.tell();
  }

  private waiting(): Upload | undefined {
    while (this.next < this.uploads.length && this.uploads[this.next]?.state !== "waiting")
      this.next += 1;
    return this.uploads[this.next];
  }

  private async work(signal: AbortSignal): Promise<void> {
    for (;;) {
      const upload = signal.aborted ? undefined : this.waiting();
      if (!upload) return;
      upload.state = "sending";
      await this.sendOne(upload, signal);
      this.tellSoon();
    }
  }

  private async sendOne(upload: Upload, signal: AbortSignal): Promise<void> {
    for (let failures = 0; ;) {
      try {
        upload.key = await this.send(upload, (bytes) => this.advance(upload, bytes), signal);
        if (signal.aborted) return;
        Object.assign(upload, { state: "done", sent: upload.file.size });
        this.away = false;
        return;
      } catch (error) {
        if (signal.aborted) return;
        upload.sent = 0;
        const kind = error instanceof ApiError ? error.kind : "refused";
        // Waiting for an unreachable server does not use up a file's retries.
        if (kind === "unreachable") this.away = true;
        else if ((kind !== "server" && kind !== "slow") || failures++ >= this.options.maxRetries) {
          Object.assign(upload, { state: "failed", error: sentenceOf(error) });
          return;
        }
        this.tellSoon();
        await pause(this.options.retryMs * 2 ** failures, signal);
        if (isAborted(signal)) return;
      }
    }
  }

  private advance(upload: Upload, bytes: number): void {
    if (upload.state !== "sending") return;
    upload.sent = bytes;
    this.away = false;
    this.tellSoon();
  }

  private tellSoon(): void {
    this.timer ??= setTimeout(() => this.tell(), this.options.tellEveryMs);
  }

  private tell(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const now = performance.now();
    const progress = { ...emptyProgress, uploads: this.uploads, serverAway: this.away };
    for (const { state, file, sent } of this.uploads) {
      if (state === "cancelled") continue;
      progress.total += 1;
      if (state === "done") progress.done += 1;
      if (state === "failed") progress.failed += 1;
      else progress.bytes += file.size;
      progress.sentBytes += sent;
      if (state === "waiting" || state === "sending") progress.active = true;
    }
    if (!progress.active) this.away = progress.serverAway = false;
    this.measure(progress, now);
    this.progress = progress;
    for (const listener of this.listeners) listener();
  }

  private measure(progress: UploadProgress, now: number): void {
    this.samples.push({ at: now, bytes: progress.sentBytes });
    while (this.samples.length > 2 && now - (this.samples[0]?.at ?? now) > speedWindowMs)
      this.samples.shift();
    const first = this.samples[0];
    if (!progress.active || !first || now - first.at < 500) return;
    progress.bytesPerSecond = Math.max(
      0,
      ((progress.sentBytes - first.bytes) / (now - first.at)) * 1000,
    );
    if (progress.bytesPerSecond > 0) {
      progress.msLeft = ((progress.bytes - progress.sentBytes) / progress.bytesPerSecond) * 1000;
    }
  }
}

// A function, so that the compiler does not assume the value from before an await.
const isAborted = (signal: AbortSignal): boolean => signal.aborted;

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    // The signal outlives thousands of pauses, so remove the listener each time.
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
