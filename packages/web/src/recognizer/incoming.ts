// Ways in: what a drop, a paste or a file field holds, as files with names.

export interface Incoming {
  readonly file: Blob;
  readonly name: string;
}

/** More at a time would be a data set, which is the command line's. */
export const MAX_PHOTOS = 500;

/** Files, and those in folders, in order of their names. */
export async function fromTransfer(transfer: DataTransfer): Promise<Incoming[]> {
  // Entries are gone after the first await.
  const entries = Array.from(transfer.items, (item) => (item.kind === "file" ? item.webkitGetAsEntry() : null));
  const files = Array.from(transfer.files);
  const folders = entries.filter((entry): entry is FileSystemDirectoryEntry => entry?.isDirectory === true);
  if (folders.length === 0) return files.map(named);
  // A folder stands among `files` too, as a file that cannot be read.
  const names = new Set(folders.map(({ name }) => name));
  const plain = files.filter(({ name }) => !names.has(name)).map(named);
  const nested = await Promise.all(folders.map((folder) => inFolder(folder)));
  return [...plain, ...nested.flat()];
}

export const fromFiles = (files: FileList | null): Incoming[] => Array.from(files ?? [], named);

/** Pasted pictures are all called image.png. */
export const named = (file: File): Incoming => ({ file, name: file.name === "" ? "photo" : file.name });

async function inFolder(folder: FileSystemDirectoryEntry): Promise<Incoming[]> {
  const found: Incoming[] = [];
  const reader = folder.createReader();
  // A reader hands out a hundred entries at a time.
  for (;;) {
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) break;
    for (const entry of entries) {
      if (found.length >= MAX_PHOTOS) return found;
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory) found.push(...(await inFolder(entry as FileSystemDirectoryEntry)));
      else found.push(named(await new Promise<File>((ok, no) => (entry as FileSystemFileEntry).file(ok, no))));
    }
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}
