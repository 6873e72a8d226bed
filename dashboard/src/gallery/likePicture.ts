// Pictures from outside of the store whose like is looked for. They are in the memory of this tab only, so
// their names in the address mean nothing after a reload.
import { isShownByBrowsers, headBytes, typeOf } from "../domain/kinds";
import { formatBytes } from "../domain/format";

const mostBytes = 64_000_000;

export interface LikePicture {
  id: string;
  name: string;
  file: File;
  url: string; // "" where browsers do not show it
}

const pictures = new Map<string, LikePicture>();
const mark = ":"; // no key begins with it

export const isPicture = (like: string): boolean => like.startsWith(mark);
export const pictureOf = (like: string): LikePicture | undefined => pictures.get(like);

// Returns its name for the address.
export function keepPicture(file: File): string {
  const id = `${mark}${pictures.size + 1}`;
  const url = isShownByBrowsers(file.name) ? URL.createObjectURL(file) : "";
  pictures.set(id, { id, name: file.name, file, url });
  return id;
}

// Why no photo can be found that is like these files; "" where some can.
export async function whyNot(files: readonly File[]): Promise<string> {
  const [file] = files;
  if (!file || files.length > 1) return "Choose one picture.";
  if (file.size > mostBytes) {
    return `“${file.name}” is larger than ${formatBytes(mostBytes)}.`;
  }
  try {
    const head = new Uint8Array(await file.slice(0, headBytes).arrayBuffer());
    return typeOf(file.name, head) === "" ? `“${file.name}” is not a picture.` : "";
  } catch {
    return `“${file.name}” cannot be read.`;
  }
}
