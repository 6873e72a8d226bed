import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import * as kinds from "./kinds";

const source = (name: string) =>
  readFileSync(join(import.meta.dirname, "../../../src", name), "utf8");
const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

describe("the server and the page", () => {
  const server = source("domain/file_kind.cpp");
  const list = (name: string): string[] => {
    const body = new RegExp(`constexpr auto ${name} =[^{]*\\{([^}]*)\\}`).exec(server)?.[1] ?? "";
    return [...body.matchAll(/"([^"]*)"/g)].map(([, text = ""]) => text.replace("\\r", "\r"));
  };
  const capital = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);

  test("have the same image types and endings", () => {
    const types: Record<string, string[]> = {};
    const rows = source("services/image_service.cpp").matchAll(
      /\{"(\.\w+)",\s*"(image\/[^"]+)"\}/g,
    );
    for (const [, ending = "", type = ""] of rows) (types[type] ??= []).push(ending);
    expect(types).toEqual(kinds.imageTypes);
  });

  test.each(Object.entries(kinds.endings))(
    "have the same endings of the kind %s",
    (kind, endings) => {
      expect(list(`k${capital(kind)}Endings`)).toEqual(endings);
    },
  );

  test.each([
    "toolFiles",
    "toolFilePrefixes",
    "toolFolders",
    "toolFolderPrefixes",
    "toolFolderEndings",
    "libraryEndings",
    "libraryToolFolders",
  ] as const)("have the same %s", (name) => {
    expect(list(`k${capital(name)}`)).toEqual(kinds[name]);
  });
});

test.each([
  ["DCIM/IMG_0001.MOV", "video"],
  ["DCIM/IMG_0001.AAE", "sidecar"],
  ["DCIM/._IMG_0001.JPG", "toolFile"],
  ["photo/@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg", "toolFile"],
  ["@eaDir/a.jpg", "other"], // chosen itself
  ["My.photoslibrary/resources/a.jpg", "toolFile"],
  ["My.photoslibrary/originals/a.jpg", "other"],
  ["Pictures/.git/a.jpg", "hiddenFile"],
  ["Pictures/.hidden.jpg", "hiddenFile"],
  ["Pictures/IMG_0001.HEIC", "other"],
  ["without", "other"],
])("the path %s says %s", (path, kind) => {
  expect(kinds.kindOfPath(path)).toBe(kind);
});

test("counts are told by kind", () => {
  expect(kinds.countsOf(["toolFile", "video", "sidecar", "video", "sidecar", "video"])).toBe(
    "3 videos, 2 sidecar files, 1 file of a photo tool",
  );
  expect(kinds.countsOf([])).toBe("");
});

test.each([
  ["a.nef", "II*\0", "image/x-nikon-nef"],
  ["a.tif", "II*\0", "image/tiff"],
  ["a", "MM\0*", "image/tiff"],
  ["a.jpg", "MM\0*", "image/tiff"],
  ["a.HEIC", "\0\0\0\x18ftypheic", "image/heic"],
  ["a.hif", "\0\0\0\x18ftypheix", "image/heif"],
  ["a.heic", "\xff\xd8\xff", "image/jpeg"],
  ["a", "\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "image/avif"],
  ["a", "\0\0\0\x14ftypqt  \0\0\0\0qt  heic", ""],
  ["a.avif", "\0\0\0\x18ftypavif", "image/avif"],
  ["a.jxl", "\xff\x0a", "image/jxl"],
  ["a.cr3", "\0\0\0\x18ftypcrx ", "image/x-canon-cr3"],
  ["a.mov", "\0\0\0\x18ftypqt  ", ""],
])("%s that begins with %j is sent as %j", (name, head, type) => {
  expect(kinds.typeOf(name, bytes(head))).toBe(type);
});

test("browsers show some types, and need a thumbnail of others", () => {
  for (const name of ["a.jpg", "a.PNG", "a.webp", "a.avif", "a.jfif"])
    expect(kinds.isShownByBrowsers(name), name).toBe(true);
  for (const name of ["a.heic", "a.TIF", "a.dng", "a.jxl", "a"])
    expect(kinds.isShownByBrowsers(name), name).toBe(false);
});
