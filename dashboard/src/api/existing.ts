// Which of some photos are still in the store.
import type { QueryClient } from "@tanstack/react-query";
import { everything, keysOf, summaryOf } from "./catalogue";
import { hasImage } from "./client";

const keysOfPage = 1000;
const pageCost = 50; // a page of keys takes about as long as so many questions for one photo
const parallel = 6;

// The keys of all photos where that is less work than asking for each one, as with most jobs of a whole
// library; a million are not listed for the sake of ten.
export const isListCheaper = (asked: number, total: number): boolean =>
  Math.ceil(total / keysOfPage) * pageCost <= asked;

export async function existingOf(client: QueryClient, keys: readonly string[]): Promise<string[]> {
  const wanted = [...new Set(keys)];
  const summary = await client.query({ ...summaryOf(client), staleTime: 0 });
  if (summary?.complete && isListCheaper(wanted.length, summary.total)) {
    const stored = new Set(await keysOf(everything, 0, summary.total));
    return wanted.filter((key) => stored.has(key));
  }
  const isThere = new Map<string, boolean>();
  let next = 0;
  const ask = async () => {
    for (let key = wanted[next++]; key !== undefined; key = wanted[next++]) {
      isThere.set(key, await hasImage(key));
    }
  };
  await Promise.all(Array.from({ length: parallel }, ask));
  return wanted.filter((key) => isThere.get(key));
}
