// The files that a person drops, including everything in dropped folders.

// The files of a dropped folder do not know their path, as those of a chosen one do.
const droppedPaths = new WeakMap<File, string>();

// The path within what was chosen or dropped, such as "Holiday/Day 1/beach.jpg".
export const pathOf = (file: File): string =>
  droppedPaths.get(file) ?? (file.webkitRelativePath || file.name);

const filesOfEntry = async (entry: FileSystemEntry): Promise<File[]> => {
  if (entry.isFile) {
    return new Promise((resolve) =>
      (entry as FileSystemFileEntry).file(
        (file) => {
          droppedPaths.set(file, entry.fullPath.replace(/^\/+/, ""));
          resolve([file]);
        },
        () => resolve([]),
      ),
    );
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const files: File[] = [];
  for (;;) {
    // A reader returns its entries in batches, and an empty one at the end.
    const entries = await new Promise<FileSystemEntry[]>((resolve) =>
      reader.readEntries(resolve, () => resolve([])),
    );
    if (entries.length === 0) return files;
    for (const inner of entries) files.push(...(await filesOfEntry(inner)));
  }
};

// The transfer is empty after its event, so take the entries from it at once.
export function filesOfTransfer(transfer: DataTransfer): Promise<File[]> {
  const entries = [...transfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  return Promise.all(
    entries.map((entry) => {
      if (entry === null) return Promise.resolve([]);
      return entry instanceof File ? Promise.resolve([entry]) : filesOfEntry(entry);
    }),
  ).then((lists) => lists.flat());
}

export const carriesFiles = (transfer: DataTransfer | null): boolean =>
  transfer?.types.includes("Files") ?? false;
