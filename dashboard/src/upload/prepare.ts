// Checks files before anything is sent: which are not images, are duplicates, or are already stored.
import { pathOf } from "./files";
import {
  endingOf,
  headBytes,
  imageTypes,
  kindOfContent,
  kindOfPath,
  typeOf,
  words,
  type Kind,
} from "../domain/kinds";

export interface Candidate {
  file: File;
  path: string; // within what was chosen; its name where it was chosen alone
  type: string; // image/… by content, not by name
}

// Which of the candidates the store has.
export type FindStored = (candidates: readonly Candidate[]) => Promise<ReadonlySet<Candidate>>;

export interface PassedOver {
  name: string; // the path, where it was chosen with a folder
  kind: Kind;
  reason: string;
}

export interface Prepared {
  ready: Candidate[];
  stored: Candidate[]; // the store has one with this path and size
  repeated: PassedOver[]; // same content as another of these files
  rejected: PassedOver[]; // not images
  clutter: PassedOver[]; // of photo tools and systems, and hidden: nobody needs to decide about them
}

const article = (word: string): string => (/^[aeiou]/.test(word) ? "an" : "a");

function whyNoImage(kind: Kind): string {
  if (kind === "empty") return "is empty";
  if (kind === "unreadable") return "cannot be read";
  if (kind === "otherImage")
    return "is a picture of a type that is not supported; save it as JPEG or PNG first";
  const [word] = words[kind];
  return kind === "other" ? "is not an image" : `is not an image, but ${article(word)} ${word}`;
}

const maxBaseBytes = 100;

// The name that the server will give the file, without the time and the random part.
export function nameInStore(name: string, type: string): string {
  const dot = name.lastIndexOf(".");
  const base = (dot > 0 ? name.slice(0, dot) : name).replace(/[^\w\u0080-\u{10ffff}-]/gu, "_");
  const bytes = new TextEncoder().encode(base);
  const cut =
    bytes.length <= maxBaseBytes
      ? base
      : new TextDecoder().decode(bytes.slice(0, maxBaseBytes)).replace(/\ufffd$/, "");
  const known = imageTypes[type] ?? [];
  const own = endingOf(name);
  return cut + (dot > 0 && known.includes(own) ? own : (known[0] ?? ".jpg"));
}

const chunk = 1 << 20; // bytes

const read = async (file: File, from: number): Promise<Uint8Array> =>
  new Uint8Array(await file.slice(from, from + chunk).arrayBuffer());

// 32-bit FNV-1a: different for most files that differ.
async function checksum(file: File): Promise<string> {
  let hash = 0x811c9dc5;
  for (let from = 0; from < file.size; from += chunk) {
    for (const byte of await read(file, from)) hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return String(hash);
}

async function sameBytes(a: File, b: File): Promise<boolean> {
  for (let from = 0; from < a.size; from += chunk) {
    const [left, right] = await Promise.all([read(a, from), read(b, from)]);
    if (left.length !== right.length || left.some((byte, i) => byte !== right[i])) return false;
  }
  return true;
}

// Hex of the SHA-256.
async function digest(file: File): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Only files of the same size can be equal, so few are read completely.
async function findRepeated(candidates: readonly Candidate[]): Promise<Map<Candidate, string>> {
  const bySize = new Map<number, Candidate[]>();
  for (const candidate of candidates) {
    const group = bySize.get(candidate.file.size);
    if (group) group.push(candidate);
    else bySize.set(candidate.file.size, [candidate]);
  }
  // Browsers offer no digests to a page loaded over plain HTTP from another machine.
  const digests = "subtle" in crypto;
  const repeated = new Map<Candidate, string>();
  for (const group of bySize.values()) {
    if (group.length < 2) continue;
    const first = new Map<string, File>();
    for (const candidate of group) {
      const { file } = candidate;
      try {
        const content = await (digests ? digest(file) : checksum(file));
        const original = first.get(content);
        if (original === undefined) first.set(content, file);
        else if (digests || (await sameBytes(original, file)))
          repeated.set(candidate, original.name);
      } catch {
        // It can no longer be read. Its upload will report that; the others continue.
      }
    }
  }
  return repeated;
}

// What a file is, and where that is an image, its type. A file that was chosen alone is judged by its
// content only: somebody wants that one.
async function judge(file: File, path: string): Promise<Kind | { type: string }> {
  const alone = !path.includes("/");
  const named = kindOfPath(path);
  if (!alone && (isClutter(named) || named === "sidecar")) return named;
  const head = new Uint8Array(await file.slice(0, headBytes).arrayBuffer());
  const type = typeOf(file.name, head);
  if (type) return { type };
  if (named !== "other") return named;
  return head.length === 0 ? "empty" : kindOfContent(head);
}

const isClutter = (kind: Kind): boolean => kind === "toolFile" || kind === "hiddenFile";

// `unreadable` are paths that the browser could not open.
export async function prepare(
  files: readonly File[],
  findStored: FindStored,
  inQueue: readonly Candidate[],
  unreadable: readonly string[] = [],
): Promise<Prepared> {
  const prepared: Prepared = { ready: [], stored: [], repeated: [], rejected: [], clutter: [] };
  const passOver = (name: string, kind: Kind) =>
    prepared[isClutter(kind) ? "clutter" : "rejected"].push({
      name,
      kind,
      reason: whyNoImage(kind),
    });
  const candidates: Candidate[] = [];
  for (const file of files) {
    const path = pathOf(file);
    try {
      const found = await judge(file, path);
      if (typeof found === "string") passOver(path, found);
      else candidates.push({ file, path, type: found.type });
    } catch {
      passOver(path, "unreadable");
    }
  }
  for (const path of unreadable) passOver(path, "unreadable");
  const idOf = ({ file, path }: Candidate): string => `${path}\n${file.size}`;
  const known = new Set(inQueue.map(idOf));
  const repeated = await findRepeated(candidates);
  const stored = await findStored(candidates.filter((each) => !repeated.has(each)));
  for (const candidate of candidates) {
    const original = repeated.get(candidate);
    if (original !== undefined) {
      prepared.repeated.push({
        name: candidate.file.name,
        kind: "repeated",
        reason: `is the same photo as ${original}`,
      });
    } else if (stored.has(candidate) || known.has(idOf(candidate))) {
      prepared.stored.push(candidate);
    } else {
      prepared.ready.push(candidate);
    }
  }
  return prepared;
}
