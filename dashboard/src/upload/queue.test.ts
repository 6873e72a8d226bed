import { getEventListeners } from "node:events";
import { describe, expect, test, vi } from "vitest";
import { ApiError } from "../api/client";
import { UploadQueue, type Send } from "./queue";

const candidates = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    file: new File(["0123456789"], `${i}.jpg`),
    path: `${i}.jpg`,
    type: "image/jpeg",
    batch: "",
  }));

const quick = { tellEveryMs: 1, retryMs: 1 };
const ended = (queue: UploadQueue) => vi.waitFor(() => expect(queue.get().active).toBe(false));

describe("UploadQueue", () => {
  test("sends several at once, and never more", async () => {
    let now = 0;
    let most = 0;
    const send: Send = async ({ file }, onSent) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 2));
      onSent(10);
      now -= 1;
      return `key of ${file.name}`;
    };
    const queue = new UploadQueue(send, { ...quick, parallel: 3 });
    queue.add(candidates(20));
    expect(queue.get()).toMatchObject({ active: true, total: 20, bytes: 200 });
    await ended(queue);
    expect(most).toBe(3);
    expect(queue.get()).toMatchObject({ done: 20, failed: 0, sentBytes: 200 });
    expect(queue.get().uploads[7]?.key).toBe("key of 7.jpg");
  });

  test("a rejected file fails with its reason, and can be retried", async () => {
    let refuse = true;
    const send: Send = ({ file }) =>
      refuse && file.name === "1.jpg"
        ? Promise.reject(new ApiError("refused", "the file is too large", 413))
        : Promise.resolve("key");
    const queue = new UploadQueue(send, quick);
    queue.add(candidates(3));
    await ended(queue);
    expect(queue.get()).toMatchObject({ done: 2, failed: 1 });
    expect(queue.get().uploads[1]?.error).toBe("The file is too large.");
    refuse = false;
    queue.retryFailed();
    await ended(queue);
    expect(queue.get()).toMatchObject({ done: 3, failed: 0 });
  });

  test("a failing server is retried a limited number of times", async () => {
    let calls = 0;
    const queue = new UploadQueue(
      () => {
        calls += 1;
        return Promise.reject(new ApiError("server", "the server has a problem", 500));
      },
      { ...quick, maxRetries: 2 },
    );
    queue.add(candidates(1));
    await ended(queue);
    expect(calls).toBe(3);
    expect(queue.get().failed).toBe(1);
  });

  test("uploads wait for an unreachable server, and nothing is lost", async () => {
    let away = true;
    const signals = new Set<AbortSignal>();
    const queue = new UploadQueue((_candidate, _onSent, signal) => {
      signals.add(signal);
      return away ? Promise.reject(new ApiError("unreachable", "away")) : Promise.resolve("key");
    }, quick);
    queue.add(candidates(8));
    await vi.waitFor(() => expect(queue.get().serverAway).toBe(true));
    expect(queue.get()).toMatchObject({ active: true, failed: 0 });
    away = false;
    await ended(queue);
    expect(queue.get()).toMatchObject({ done: 8, serverAway: false });
    // However often it waited, no listeners are left.
    expect([...signals].map((signal) => getEventListeners(signal, "abort").length)).toEqual([0]);
  });

  test("cancelling keeps what is sent, and a new upload starts at once", async () => {
    let hold = true;
    const send: Send = ({ file }, _onSent, signal) =>
      new Promise((resolve, reject) => {
        if (file.name === "0.jpg" || !hold) resolve("key");
        signal.addEventListener("abort", () => reject(new Error("aborted")));
      });
    const queue = new UploadQueue(send, { ...quick, parallel: 2 });
    queue.add(candidates(5));
    await vi.waitFor(() => expect(queue.get().done).toBe(1));
    queue.cancel();
    expect(queue.get()).toMatchObject({ active: false, done: 1, total: 1 });
    hold = false;
    queue.add(candidates(4));
    await ended(queue);
    expect(queue.get()).toMatchObject({ done: 4, total: 4 });
  });

  test("reports its speed and the time left", async () => {
    vi.useFakeTimers();
    try {
      let sent: (bytes: number) => void = () => undefined;
      const queue = new UploadQueue(
        (_candidate, onSent) => {
          sent = onSent;
          return new Promise(() => undefined);
        },
        { tellEveryMs: 1 },
      );
      const file = new File([new Uint8Array(10_000)], "large.jpg");
      queue.add([{ file, path: file.name, type: "image/jpeg", batch: "" }]);
      for (let i = 1; i <= 10; i += 1) {
        await vi.advanceTimersByTimeAsync(200);
        sent(500 * i);
      }
      await vi.advanceTimersByTimeAsync(1);
      const { bytesPerSecond, msLeft, sentBytes, bytes } = queue.get();
      expect([sentBytes, bytes]).toEqual([5_000, 10_000]);
      expect(bytesPerSecond).toBeGreaterThan(2_400);
      expect(bytesPerSecond).toBeLessThan(2_600);
      expect(msLeft).toBeGreaterThan(1_900);
      expect(msLeft).toBeLessThan(2_100);
    } finally {
      vi.useRealTimers();
    }
  });
});
