// What chosen files are. The lists are those of src/domain/file_kind.cpp and src/services/image_service.cpp,
// in lower case; kinds.test.ts compares them.
import { plural } from "./format";

// The image types that the server takes, and their endings. A file without one of them gets the first.
export const imageTypes: Record<string, readonly string[]> = {
  "image/jpeg": [".jpg", ".jpeg", ".jfif", ".jpe"],
  "image/png": [".png"],
  "image/apng": [".apng"],
  "image/gif": [".gif"],
  "image/webp": [".webp"],
  "image/bmp": [".bmp", ".dib"],
  "image/heic": [".heic"],
  "image/heif": [".heif", ".hif"],
  "image/avif": [".avif"],
  "image/tiff": [".tif", ".tiff"],
  "image/jxl": [".jxl"],
  "image/x-adobe-dng": [".dng"],
  "image/x-canon-cr2": [".cr2"],
  "image/x-canon-cr3": [".cr3"],
  "image/x-nikon-nef": [".nef"],
  "image/x-nikon-nrw": [".nrw"],
  "image/x-sony-arw": [".arw"],
  "image/x-sony-srf": [".srf"],
  "image/x-sony-sr2": [".sr2"],
  "image/x-fuji-raf": [".raf"],
  "image/x-olympus-orf": [".orf"],
  "image/x-panasonic-rw2": [".rw2"],
  "image/x-pentax-pef": [".pef"],
  "image/x-samsung-srw": [".srw"],
};

// What file choosers offer: systems know the types of some endings only.
export const acceptedFiles = [...Object.keys(imageTypes), ...Object.values(imageTypes).flat()].join(
  ",",
);

const ofEnding = new Map(
  Object.entries(imageTypes).flatMap(([type, endings]) => endings.map((ending) => [ending, type])),
);

export const endingOf = (name: string): string => /\.[^./]*$/.exec(name)?.[0].toLowerCase() ?? "";

// Not those that only some browsers show, such as JPEG XL.
const shownByBrowsers = new Set([
  "image/jpeg",
  "image/png",
  "image/apng",
  "image/gif",
  "image/webp",
  "image/bmp",
  "image/avif",
]);
export const isShownByBrowsers = (name: string): boolean =>
  shownByBrowsers.has(ofEnding.get(endingOf(name)) ?? "");

export type Kind =
  | "video"
  | "sound"
  | "sidecar"
  | "document"
  | "archive"
  | "text"
  | "drawing"
  | "otherImage"
  | "toolFile"
  | "hiddenFile"
  | "empty"
  | "unreadable"
  | "stored"
  | "repeated"
  | "other";

// In the order in which counts are told: one, and more than one.
export const words: Record<Kind, readonly [string, string]> = {
  video: ["video", "videos"],
  sound: ["sound file", "sound files"],
  sidecar: ["sidecar file", "sidecar files"],
  document: ["document", "documents"],
  archive: ["archive", "archives"],
  text: ["text file", "text files"],
  drawing: ["drawing", "drawings"],
  otherImage: [
    "picture of a type that is not supported",
    "pictures of types that are not supported",
  ],
  toolFile: ["file of a photo tool", "files of photo tools"],
  hiddenFile: ["hidden file", "hidden files"],
  empty: ["empty file", "empty files"],
  unreadable: ["file that cannot be read", "files that cannot be read"],
  stored: ["photo that is stored already", "photos that are stored already"],
  repeated: ["photo chosen twice", "photos chosen twice"],
  other: ["other file", "other files"],
};

// "3 videos, 2 sidecar files"
export function countsOf(kinds: readonly Kind[]): string {
  const counts = new Map<Kind, number>();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return (Object.keys(words) as Kind[])
    .flatMap((kind) => {
      const count = counts.get(kind);
      return count === undefined ? [] : [plural(count, ...words[kind])];
    })
    .join(", ");
}

export const endings = {
  video: [
    ".mov",
    ".mp4",
    ".m4v",
    ".avi",
    ".mkv",
    ".webm",
    ".3gp",
    ".3g2",
    ".mpg",
    ".mpeg",
    ".mts",
    ".m2ts",
    ".wmv",
    ".asf",
    ".flv",
    ".vob",
    ".ogv",
    ".dv",
    ".mxf",
    ".qt",
    ".insv",
    ".360",
    ".mp",
    ".crm",
    ".rmvb",
    ".divx",
  ],
  sound: [
    ".mp3",
    ".m4a",
    ".aac",
    ".wav",
    ".wma",
    ".flac",
    ".ogg",
    ".opus",
    ".amr",
    ".aif",
    ".aiff",
    ".caf",
    ".mid",
    ".3ga",
  ],
  sidecar: [
    ".aae",
    ".xmp",
    ".thm",
    ".lrv",
    ".json",
    ".ini",
    ".db",
    ".pp3",
    ".dop",
    ".on1",
    ".cos",
    ".nksc",
    ".mie",
    ".acr",
    ".ctg",
    ".bdm",
    ".cpi",
    ".mpl",
    ".plist",
    ".gpx",
    ".kml",
    ".lnk",
    ".url",
  ],
  document: [
    ".pdf",
    ".doc",
    ".docx",
    ".odt",
    ".rtf",
    ".xls",
    ".xlsx",
    ".ods",
    ".ppt",
    ".pptx",
    ".odp",
    ".pages",
    ".numbers",
    ".key",
    ".epub",
    ".html",
    ".htm",
    ".eml",
    ".ics",
    ".vcf",
  ],
  archive: [".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".iso", ".dmg"],
  text: [".txt", ".md", ".log", ".csv", ".tsv", ".xml", ".yml", ".yaml", ".srt", ".vtt"],
  drawing: [
    ".svg",
    ".svgz",
    ".ai",
    ".eps",
    ".ps",
    ".cdr",
    ".dxf",
    ".dwg",
    ".wmf",
    ".emf",
    ".drawio",
  ],
  otherImage: [
    ".psd",
    ".psb",
    ".xcf",
    ".kra",
    ".jp2",
    ".j2k",
    ".jpx",
    ".jxr",
    ".ico",
    ".icns",
    ".tga",
    ".pcx",
    ".ppm",
    ".pgm",
    ".pbm",
    ".exr",
    ".hdr",
    ".dds",
    ".x3f",
    ".afphoto",
  ],
  toolFile: [".lrcat", ".lrcat-data", ".ithmb"],
} as const satisfies Partial<Record<Kind, readonly string[]>>;

// Files of photo tools and systems.
export const toolFiles: readonly string[] = [
  ".ds_store",
  ".localized",
  ".nomedia",
  ".picasa.ini",
  "picasa.ini",
  ".@__qini",
  "icon\r",
  "thumbs.db",
  "ehthumbs.db",
  "ehthumbs_vista.db",
  "desktop.ini",
  "zbthumbnail.info",
  "pspbrwse.jbf",
  "digikam4.db",
  "thumbnails-digikam.db",
  "recognition.db",
  "similarity.db",
];
export const toolFilePrefixes: readonly string[] = ["._", "synophoto_", "synoindex_"];
export const toolFolders: readonly string[] = [
  "@eadir",
  "@tmp",
  "@sharebin",
  "@recycle",
  "@recently-snapshot",
  "@__thumb",
  ".@__thumb",
  "#recycle",
  "#snapshot",
  "__macosx",
  ".appledouble",
  ".spotlight-v100",
  ".fseventsd",
  ".temporaryitems",
  ".documentrevisions-v100",
  ".thumbnails",
  ".thumb",
  ".thumbs",
  ".picasaoriginals",
  ".comments",
  ".dtrash",
  ".stversions",
  ".stfolder",
  "$recycle.bin",
  "recycler",
  "system volume information",
  "captureone",
  "nksc_param",
  "thmbnl",
];
export const toolFolderPrefixes: readonly string[] = [".trash"];
export const toolFolderEndings: readonly string[] = [".lrdata"];
export const libraryEndings: readonly string[] = [
  ".photoslibrary",
  ".photolibrary",
  ".migratedphotolibrary",
  ".aplibrary",
];
export const libraryToolFolders: readonly string[] = [
  "resources",
  "thumbnails",
  "previews",
  "private",
  "database",
  "internal",
  "scopes",
  "external",
];

const isToolFolder = (name: string, parent: string): boolean =>
  toolFolders.includes(name) ||
  toolFolderPrefixes.some((prefix) => name.startsWith(prefix)) ||
  toolFolderEndings.some((ending) => name.endsWith(ending)) ||
  (libraryToolFolders.includes(name) && libraryEndings.some((ending) => parent.endsWith(ending)));

// What the path within the chosen folder says; "other": nothing, an image among them. The folder that
// was chosen itself may be of any kind.
export function kindOfPath(path: string): Kind {
  const parts = path.toLowerCase().split("/");
  const name = parts.at(-1) ?? "";
  const folders = parts.slice(1, -1);
  if (folders.some((folder, i) => isToolFolder(folder, parts[i] ?? ""))) return "toolFile";
  if (toolFiles.includes(name) || toolFilePrefixes.some((prefix) => name.startsWith(prefix)))
    return "toolFile";
  if (folders.some((folder) => folder.startsWith(".")) || name.startsWith(".")) return "hiddenFile";
  const ending = endingOf(name);
  for (const [kind, list] of Object.entries(endings) as [Kind, readonly string[]][])
    if (list.includes(ending)) return kind;
  return "other";
}

const startsWith = (bytes: Uint8Array, text: string, at = 0): boolean =>
  Array.from(text).every((char, i) => bytes[at + i] === char.charCodeAt(0));

// How many of the first bytes say what a file is.
export const headBytes = 128;

const signatures: readonly (readonly [at: number, text: string, type: string])[] = [
  [0, "\xff\xd8\xff", "image/jpeg"],
  [0, "\x89PNG\r\n", "image/png"],
  [0, "GIF87a", "image/gif"],
  [0, "GIF89a", "image/gif"],
  [8, "WEBP", "image/webp"],
  [0, "BM", "image/bmp"],
  [8, "CR\x02", "image/x-canon-cr2"],
  [0, "II*\0", "image/tiff"],
  [0, "MM\0*", "image/tiff"],
  [0, "II+\0", "image/tiff"],
  [0, "MM\0+", "image/tiff"],
  [0, "IIU\0", "image/x-panasonic-rw2"],
  [0, "IIRO", "image/x-olympus-orf"],
  [0, "IIRS", "image/x-olympus-orf"],
  [0, "MMOR", "image/x-olympus-orf"],
  [0, "FUJIFILMCCD-RAW", "image/x-fuji-raf"],
  [0, "\xff\x0a", "image/jxl"],
  [0, "\0\0\0\x0cJXL ", "image/jxl"],
];
const brands: Record<string, string> = {
  ...Object.fromEntries(
    ["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"].map((brand) => [
      brand,
      "image/heic",
    ]),
  ),
  avif: "image/avif",
  avis: "image/avif",
  mif1: "image/heif",
  mif2: "image/heif",
  msf1: "image/heif",
  miaf: "image/heif",
  "crx ": "image/x-canon-cr3",
};

// The type of an image by its first bytes; empty for anything else.
export function imageType(bytes: Uint8Array): string {
  if (!startsWith(bytes, "ftyp", 4))
    return signatures.find(([at, text]) => startsWith(bytes, text, at))?.[2] ?? "";
  // The first brand and those that follow the version; HEIF itself says less than the others.
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const types: string[] = [];
  for (let at = 8; at + 4 <= Math.min(size, bytes.length); at += at === 8 ? 8 : 4) {
    const type = brands[String.fromCharCode(...bytes.slice(at, at + 4))];
    if (type) types.push(type);
  }
  return types.find((type) => type !== "image/heif") ?? types[0] ?? "";
}

// The bytes cannot tell the types of a group apart, but the name can: raw files of most cameras are TIFF.
const groups: readonly (readonly string[])[] = [
  Object.keys(imageTypes).filter((type) => type === "image/tiff" || type.startsWith("image/x-")),
  ["image/heic", "image/heif"],
  ["image/png", "image/apng"],
];

// The type to upload an image as, by its first bytes and its name; empty for anything else.
export function typeOf(name: string, bytes: Uint8Array): string {
  const type = imageType(bytes);
  const named = ofEnding.get(endingOf(name)) ?? "";
  return groups.some((group) => group.includes(type) && group.includes(named)) ? named : type;
}

// What a file is whose name does not say it and that is no image.
export function kindOfContent(bytes: Uint8Array): Kind {
  if (startsWith(bytes, "ftypM4A", 4) || startsWith(bytes, "ID3")) return "sound";
  if (startsWith(bytes, "ftyp", 4) || startsWith(bytes, "\x1a\x45\xdf\xa3")) return "video";
  if (startsWith(bytes, "%PDF")) return "document";
  if (startsWith(bytes, "PK\x03\x04")) return "archive";
  if (startsWith(bytes, "<svg")) return "drawing";
  return "other";
}
