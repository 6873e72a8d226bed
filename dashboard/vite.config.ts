import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const backend = process.env.BACKEND_API_URL ?? "http://localhost:8080";
const paths = [
  "/batches",
  "/dates",
  "/docs",
  "/events",
  "/folders",
  "/health",
  "/images",
  "/index",
  "/jobs",
  "/label-sets",
  "/labels",
  "/models",
  "/objects",
  "/ready",
  "/result",
  "/search",
  "/similar",
  "/status",
  "/submit",
  "/trash",
  "/upload-url",
];

// The program serves `X.gz` instead of `X` to clients that accept it.
const compress: Plugin = {
  name: "compress",
  apply: "build",
  writeBundle({ dir = "dist" }) {
    for (const entry of readdirSync(dir, { recursive: true, encoding: "utf8" })) {
      if (!/\.(js|css|svg|html)$/.test(entry)) continue;
      const file = join(dir, entry);
      writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
    }
  },
};

export default defineConfig({
  plugins: [react(), compress],
  // `npm run dev` serves the page with hot reloading, on the data of a running `classifier serve`.
  server: { proxy: Object.fromEntries(paths.map((path) => [path, backend])) },
  build: {
    target: "es2023",
    // Images and fonts as files: the page's content policy forbids inline ones.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 800,
  },
  // Generous, since a busy machine may be slow.
  test: { include: ["src/**/*.test.ts"], environment: "node", testTimeout: 60_000 },
});
