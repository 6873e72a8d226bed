// The files that a person drops, including everything in dropped folders.

// The files of a dropped folder do not know their path, as those of a chosen one do.
const droppedPaths = new WeakMap<File, string>();

// The path within what was chosen or dropped, such as "Holiday/Day 1/beach.jpg".
export const pathOf = (file: File): string =>
  droppedPaths.get(file) ?? (file.webkitRelativePath || file.name);

// What a person chose or dropped.
export interface Chosen {
  files: File[];
  unreadable: string[]; // paths of files and folders that the browser cannot open
}

const within = (entry: FileSystemEntry): string => entry.fullPath.replace(/^\/+/, "");

async function addEntry(entry: FileSystemEntry, chosen: Chosen): Promise<void> {
  const cannotRead = () => void chosen.unreadable.push(within(entry));
  if (entry.isFile) {
    await new Promise<void>((resolve) =>
      (entry as FileSystemFileEntry).file(
        (file) => {
          droppedPaths.set(file, within(entry));
          chosen.files.push(file);
          resolve();
        },
        () => {
          cannotRead();
          resolve();
        },
      ),
    );
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A reader returns its entries in batches, and an empty one at the end.
    const entries = await new Promise<FileSystemEntry[]>((resolve) =>
      reader.readEntries(resolve, () => {
        cannotRead();
        resolve([]);
      }),
    );
    if (entries.length === 0) return;
    for (const inner of entries) await addEntry(inner, chosen);
  }
}

// The transfer is empty after its event, so the entries are taken from it at once.
export async function filesOfTransfer(transfer: DataTransfer): Promise<Chosen> {
  const entries = [...transfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const chosen: Chosen = { files: [], unreadable: [] };
  for (const entry of entries) {
    if (entry instanceof File) chosen.files.push(entry);
    else if (entry) await addEntry(entry, chosen);
  }
  return chosen;
}

export const carriesFiles = (transfer: DataTransfer | null): boolean =>
  transfer?.types.includes("Files") ?? false;
