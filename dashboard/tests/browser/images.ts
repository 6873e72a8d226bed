// Images for tests: real photos where available, and small generated ones.
import { existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import { root } from "./service";

const folder = join(root, "../shared/photos");

// Paths of real photos; empty where there are none.
export const photos = (): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .sort()
        .map((name) => join(folder, name))
    : [];

export const noPhotos = `the photos are not at ${folder}`;

const chunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
};

// A PNG of one colour that differs for each number.
export function makePng(number: number, size = 32, height = size): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const line = Buffer.alloc(1 + size * 3);
  for (let x = 0; x < size; x += 1) {
    line.set([(number * 37) % 256, (number * 91 + x) % 256, (number * 151) % 256], 1 + x * 3);
  }
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.concat(Array.from({ length: height }, () => line)))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

// Begins like a JPEG, but is not one.
export const brokenJpeg = Buffer.from("\xff\xd8\xff\xe0this goes no further", "latin1");

export function folderWith(files: Record<string, Buffer | string>): string {
  const made = mkdtempSync(join(tmpdir(), "classifier-files-"));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(made, name), content);
  return made;
}

// Puts photos into the store's folder, as uploads do; uploading so many would only measure the upload.
// Of a service that has not started yet.
export function fillStore(serviceFolder: string, count: number, size = 256): void {
  const folder = join(serviceFolder, "data/objects/distributed-classifier-input/uploads");
  mkdirSync(folder, { recursive: true });
  for (let i = 0; i < 64; i += 1) writeFileSync(join(serviceFolder, `${i}.png`), makePng(i, size));
  for (let i = 0; i < count; i += 1) {
    const hex = i.toString(16).padStart(8, "0");
    linkSync(
      join(serviceFolder, `${i % 64}.png`),
      join(folder, `photo-${i}_20260101-120000_${hex}.png`),
    );
  }
}
