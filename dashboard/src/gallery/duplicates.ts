// Words and choices about groups of photos that are the same picture.
import { formatBytes, plural } from "../domain/format";
import type { DuplicateGroup, DuplicateImage } from "../domain/types";

export const sizeWords = ({ width, height, size }: Omit<DuplicateImage, "similarity">): string =>
  [width && height ? `${width} × ${height}` : "", formatBytes(size)].filter(Boolean).join(", ");

export const kindWords = ({ kind, images }: DuplicateGroup): string =>
  kind === "identical"
    ? plural(images.length, "identical file")
    : `${plural(images.length, "photo")} that are alike`;

// The reason is the server's, such as "the largest: 4000 × 3000".
export const bestWords = ({ reason }: DuplicateGroup): string =>
  reason === "" ? "" : `The best is ${reason.replace(/^.*identical: /, "")}.`;

// All photos but the one to keep of each group.
export const spareKeys = (groups: readonly DuplicateGroup[]): string[] =>
  groups.flatMap(({ images }) => images.slice(1).map(({ key }) => key));
