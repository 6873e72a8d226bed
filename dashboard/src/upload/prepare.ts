// Checks files before anything is sent: which are not images, are duplicates, or are already stored.
import { pathOf } from "./files";

export interface Candidate {
  file: File;
  path: string; // within what was chosen; its name where it was chosen alone
  type: string; // image/… by content, not by name
}

// Which of the candidates the store has.
export type FindStored = (candidates: readonly Candidate[]) => Promise<ReadonlySet<Candidate>>;

export interface Rejected {
  name: string;
  reason: string;
}

export interface Prepared {
  ready: Candidate[];
  stored: Candidate[]; // the store has one with this path and size
  repeated: Rejected[]; // same content as another of these files
  rejected: Rejected[]; // not images
}

const startsWith = (bytes: Uint8Array, text: string, at = 0): boolean =>
  Array.from(text).every((char, i) => bytes[at + i] === char.charCodeAt(0));

// The type of an image by its first bytes (12 are enough); empty for anything else.
export function imageType(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return "image/jpeg";
  if (bytes[0] === 0x89 && startsWith(bytes, "PNG\r\n", 1)) return "image/png";
  if (startsWith(bytes, "GIF87a") || startsWith(bytes, "GIF89a")) return "image/gif";
  if (startsWith(bytes, "RIFF") && startsWith(bytes, "WEBP", 8)) return "image/webp";
  if (startsWith(bytes, "BM")) return "image/bmp";
  return "";
}

function whyNoImage(bytes: Uint8Array, name: string): string {
  if (bytes.length === 0) return "is empty";
  if (
    startsWith(bytes, "ftypheic", 4) ||
    startsWith(bytes, "ftypmif1", 4) ||
    /\.hei[cf]$/i.test(name)
  ) {
    return "is HEIC; convert it to JPEG first";
  }
  if (startsWith(bytes, "ftypavif", 4)) return "is AVIF; convert it to JPEG first";
  if (startsWith(bytes, "II*\0") || startsWith(bytes, "MM\0*")) {
    return "is TIFF or a raw photo; convert it to JPEG first";
  }
  return "is not an image (JPEG, PNG, GIF, WebP or BMP)";
}

// Files that systems put into folders and nobody wants to upload.
const isClutter = (name: string): boolean =>
  name.startsWith(".") || name === "Thumbs.db" || name === "desktop.ini";

const extensions: Record<string, string[]> = {
  "image/jpeg": ["jpg", "jpeg"],
  "image/png": ["png"],
  "image/gif": ["gif"],
  "image/webp": ["webp"],
  "image/bmp": ["bmp"],
};
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
  const known = extensions[type] ?? [];
  const own = name.slice(dot + 1).toLowerCase();
  return `${cut}.${dot > 0 && known.includes(own) ? own : (known[0] ?? "jpg")}`;
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

export async function prepare(
  files: readonly File[],
  findStored: FindStored,
  inQueue: readonly Candidate[],
): Promise<Prepared> {
  const prepared: Prepared = { ready: [], stored: [], repeated: [], rejected: [] };
  const candidates: Candidate[] = [];
  for (const file of files) {
    if (isClutter(file.name)) continue;
    try {
      const head = new Uint8Array(await file.slice(0, 12).arrayBuffer());
      const type = imageType(head);
      if (type) candidates.push({ file, path: pathOf(file), type });
      else prepared.rejected.push({ name: file.name, reason: whyNoImage(head, file.name) });
    } catch {
      prepared.rejected.push({ name: file.name, reason: "cannot be read" });
    }
  }
  const idOf = ({ file, path }: Candidate): string => `${path}\n${file.size}`;
  const known = new Set(inQueue.map(idOf));
  const repeated = await findRepeated(candidates);
  const stored = await findStored(candidates.filter((each) => !repeated.has(each)));
  for (const candidate of candidates) {
    const original = repeated.get(candidate);
    if (original !== undefined) {
      prepared.repeated.push({
        name: candidate.file.name,
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
