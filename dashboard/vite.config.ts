import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const backend = "http://localhost:8080";
const paths = [
  "/events",
  "/images",
  "/jobs",
  "/models",
  "/objects",
  "/result",
  "/status",
  "/submit",
  "/upload-url",
];

export default defineConfig({
  plugins: [react()],
  // `npm run dev` shows the page with hot reloading, on the data of a running `classifier serve`.
  server: { proxy: Object.fromEntries(paths.map((path) => [path, backend])) },
  build: { target: "es2022" },
});
