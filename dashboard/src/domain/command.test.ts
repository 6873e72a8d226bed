import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { needsKeysFile, shellQuote, submitCommand } from "./command";

const input = {
  backend: "http://localhost:8080",
  keys: ["uploads/a.jpg"],
  all: false,
  labels: [] as string[],
  model: "",
  topK: 5,
  threshold: 0.5,
};

describe("shellQuote", () => {
  test.each(["plain", "two words", "it's", '$HOME `x` "y"', "a\nb", "כלב 🐈", "-n"])(
    "%j passes through a shell unchanged",
    (text) => {
      const echoed = execFileSync("bash", ["-c", `printf %s ${shellQuote(text)}`], {
        encoding: "utf8",
      });
      expect(echoed).toBe(text);
    },
  );
});

describe("submitCommand", () => {
  test("names the backend and the keys", () => {
    expect(submitCommand(input)).toBe(
      "BACKEND_API_URL=http://localhost:8080 classifier submit --top-k 5 --threshold 0.5 --watch -- uploads/a.jpg",
    );
  });
  test("names a folder and words in place of keys", () => {
    const rule = { ...input, keys: [], folder: "Ferien 2024/Été", q: "-strand" };
    expect(submitCommand(rule)).toMatch(/ --watch --folder='Ferien 2024\/Été' --query=-strand$/);
    expect(needsKeysFile(rule)).toBe(false);
  });
  test("names an upload", () => {
    const rule = { ...input, keys: [], batch: "2026-11-28 15:02 4f9a" };
    expect(submitCommand(rule)).toMatch(/ --watch --batch='2026-11-28 15:02 4f9a'$/);
  });
  test("names categories, and takes those with commas from a file", () => {
    expect(submitCommand({ ...input, labels: ["cat", "big dog"] })).toContain(
      "--labels 'cat,big dog'",
    );
    const command = submitCommand({ ...input, labels: ["salt, pepper", "it's"] });
    const list = /--labels-file <\((.*?)\) --top-k/.exec(command)?.[1] ?? "";
    expect(execFileSync("bash", ["-c", list], { encoding: "utf8" })).toBe("salt, pepper\nit's\n");
  });
  test("takes many keys from a file, and all by name", () => {
    const many = { ...input, keys: Array.from({ length: 21 }, (_, i) => `k${i}`) };
    expect(needsKeysFile(many)).toBe(true);
    expect(submitCommand(many)).toMatch(/--keys-file keys\.json$/);
    expect(submitCommand({ ...many, all: true })).toMatch(/--all$/);
  });
});
