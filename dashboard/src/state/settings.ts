// The user's settings, stored in this browser.
import { createPersisted } from "./store";

export type Theme = "system" | "light" | "dark";

export const tileSizes = ["small", "medium", "large"] as const;
export type TileSize = (typeof tileSizes)[number];

export interface Settings {
  backend: string; // base URL without a trailing slash; empty: the server of this page
  keys: Record<string, string>; // API key by backend, so that none reaches another server
  theme: Theme;
  tileSize: TileSize; // of the gallery
}

const defaults: Settings = { backend: "", keys: {}, theme: "system", tileSize: "medium" };

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const readSettings = (stored: unknown): Settings => {
  if (!isRecord(stored)) return defaults;
  const keys = isRecord(stored.keys) ? stored.keys : {};
  return {
    backend: typeof stored.backend === "string" ? stored.backend : "",
    keys: Object.fromEntries(
      Object.entries(keys).filter(
        (entry): entry is [string, string] => typeof entry[1] === "string",
      ),
    ),
    theme: stored.theme === "light" || stored.theme === "dark" ? stored.theme : "system",
    tileSize: tileSizes.find((size) => size === stored.tileSize) ?? defaults.tileSize,
  };
};

export const settings = createPersisted("classifier.settings", defaults, readSettings, {
  followTabs: true,
});

export const apiKey = (): string => {
  const { backend, keys } = settings.get();
  return keys[backend] ?? "";
};

// Switches to another backend. `key` is its API key, or empty.
export const switchBackend = (backend: string, key: string): void =>
  settings.set((now) => ({ ...now, backend, keys: { ...now.keys, [backend]: key } }));

// The full address of the backend, for people and shells.
export const backendAddress = (): string => settings.get().backend || location.origin;

// "images.example/api/" → "http://images.example/api". Throws an Error with a message
// for the user where it is not an address.
export function normalizeBackend(text: string): string {
  const trimmed = text.trim();
  if (trimmed === "") return "";
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `http://${trimmed}`;
  let url: URL;
  try {
    // Some browsers accept a name with spaces in it.
    if (/\s/.test(trimmed)) throw new Error("blanks");
    url = new URL(withScheme);
  } catch {
    throw new Error(`“${trimmed}” is not an address. Enter one such as http://localhost:8080.`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new Error("The address must begin with http:// or https://.");
  }
  if (url.username || url.password) {
    throw new Error("Leave user name and password out of the address; use the API key instead.");
  }
  return url.origin + url.pathname.replace(/\/+$/, "");
}

export function applyTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
