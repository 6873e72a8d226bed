// Which files the store already has, without reading its whole list: by path and size.
import type { QueryClient } from "@tanstack/react-query";
import { listOf, summaryOf } from "../api/catalogue";
import { getImageWindow } from "../api/client";
import { displayName, lastPart, nameOf } from "../domain/format";
import { nameInStore, type Candidate } from "./prepare";

const pageSize = 1000;
const mostInFolder = 100_000; // photos of one folder that are compared
const mostAlone = 300; // files without a folder, each of which needs a call
const parallel = 6;

const idOf = (path: string, size: number): string => `${path}\n${size}`;
const topOf = (path: string): string => path.slice(0, Math.max(0, path.indexOf("/")));

// Calls `work` for each item, several at once.
async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) await work(items[i] as T);
  };
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, worker));
}

// A folder that is new to the store costs one small call. One that was sent before is read page by page:
// it has about as many photos as were chosen.
async function idsInFolder(folder: string): Promise<string[]> {
  const ids: string[] = [];
  for (let offset = 0; offset < mostInFolder; offset += pageSize) {
    const page = await getImageWindow({
      folder,
      order: "oldest", // what is uploaded meanwhile comes last
      offset,
      limit: pageSize,
      fields: "key,name,size",
    });
    ids.push(...page.images.map(({ name, size }) => idOf(name ?? "", size)));
    if (page.images.length < pageSize) break;
  }
  return ids;
}

// A file that was chosen alone may have been sent with its folder before.
async function idsOfName(name: string): Promise<string[]> {
  const page = await getImageWindow({
    q: name,
    offset: 0,
    limit: pageSize,
    fields: "key,name,size",
  });
  return page.images.map((image) => idOf(lastPart(nameOf(image)), image.size));
}

async function inCatalogue(candidates: readonly Candidate[]): Promise<ReadonlySet<Candidate>> {
  const ids = new Set<string>();
  const add = (more: string[]) => more.forEach((id) => ids.add(id));
  const folders = new Set(candidates.map(({ path }) => topOf(path)));
  folders.delete("");
  const alone = candidates.filter(({ path }) => topOf(path) === "");
  await forEach([...folders], async (folder) => add(await idsInFolder(folder)));
  if (alone.length <= mostAlone) {
    await forEach(alone, async ({ path }) => add(await idsOfName(path)));
  }
  return new Set(
    candidates.filter(
      ({ file, path, type }) =>
        ids.has(idOf(path, file.size)) ||
        (topOf(path) === "" && ids.has(idOf(nameInStore(file.name, type), file.size))),
    ),
  );
}

// Without a catalogue the whole list is needed; its keys have the files' names without folders.
async function inList(
  client: QueryClient,
  candidates: readonly Candidate[],
): Promise<ReadonlySet<Candidate>> {
  const { images } = await client.query({ ...listOf(client), staleTime: 30_000 });
  const ids = new Set(images.map(({ key, size }) => idOf(displayName(key), size)));
  return new Set(
    candidates.filter(({ file, type }) => ids.has(idOf(nameInStore(file.name, type), file.size))),
  );
}

// Where the store cannot be asked, nothing counts as stored: the upload itself waits or reports it.
export async function findStored(
  client: QueryClient,
  candidates: readonly Candidate[],
): Promise<ReadonlySet<Candidate>> {
  if (candidates.length === 0) return new Set();
  try {
    const summary = await client.query({ ...summaryOf(client), staleTime: 30_000 });
    if (summary?.total === 0) return new Set();
    return await (summary ? inCatalogue(candidates) : inList(client, candidates));
  } catch {
    return new Set();
  }
}
