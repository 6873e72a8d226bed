// Which of some chosen photos are no longer stored.
import { queryOptions } from "@tanstack/react-query";
import type { Summary } from "./catalogue";
import { ApiError, getImageWindow, imagePath, request } from "./client";

const pageSize = 1000;
const atOnce = 6;

async function isStored(key: string, signal: AbortSignal): Promise<boolean> {
  try {
    await request(imagePath(key), { method: "HEAD", signal });
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.kind === "missing") return false;
    throw error;
  }
}

async function missingByAsking(keys: readonly string[], signal: AbortSignal): Promise<string[]> {
  const stored = new Map<string, boolean>();
  const waiting = keys.values();
  const ask = async () => {
    for (const key of waiting) stored.set(key, await isStored(key, signal));
  };
  await Promise.all(Array.from({ length: atOnce }, ask));
  return keys.filter((key) => stored.get(key) === false);
}

async function missingByList(
  keys: readonly string[],
  total: number,
  signal: AbortSignal,
): Promise<string[]> {
  const missing = new Set(keys);
  for (let offset = 0; offset < total && missing.size > 0; offset += pageSize) {
    const query = { offset, limit: pageSize, fields: "key" };
    const { images } = await getImageWindow(query, signal);
    for (const { key } of images) missing.delete(key);
  }
  // The list may have moved between two pages.
  return missingByAsking([...missing], signal);
}

// `total`: photos in the catalogue; undefined where the backend has none. The keys of a small library
// are read, those of a few photos in a large one are asked for one by one.
export function missingOf(
  keys: readonly string[],
  total: number | undefined,
  signal: AbortSignal,
): Promise<string[]> {
  const byList = total !== undefined && total / pageSize <= Math.max(1, keys.length / 10);
  return byList ? missingByList(keys, total, signal) : missingByAsking(keys, signal);
}

// Asked again after a change of the catalogue.
export const missingFrom = (catalogue: Summary | null, keys: readonly string[]) =>
  queryOptions({
    queryKey: ["missing", catalogue?.version, keys],
    queryFn: ({ signal }) => missingOf(keys, catalogue?.total, signal),
    staleTime: catalogue ? Infinity : 30_000,
    gcTime: 60_000,
  });
