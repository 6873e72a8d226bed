import { describe, expect, test } from "vitest";
import { normalizeBackend } from "./settings";

describe("normalizeBackend", () => {
  test.each([
    ["", ""],
    [" localhost:8080 ", "http://localhost:8080"],
    ["https://images.example/api/", "https://images.example/api"],
    ["http://[::1]:8080/", "http://[::1]:8080"],
  ])("%j becomes %j", (text, address) => {
    expect(normalizeBackend(text)).toBe(address);
  });
  test.each(["http://", "ftp://images.example", "http://user:word@host", "two words"])(
    "%j is rejected with a message",
    (text) => {
      expect(() => normalizeBackend(text)).toThrow(/\w{4}/);
    },
  );
});
