// The built page, held in memory: a handful of files, and no path from outside ever reaches the disk.

import { readdir, readFile } from "node:fs/promises";
import { extname, join, sep } from "node:path";

export interface PageFile {
  readonly type: string;
  readonly content: Uint8Array<ArrayBuffer>;
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** By their paths below the folder, with forward slashes. */
export async function readPage(folder: string): Promise<ReadonlyMap<string, PageFile>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(
    files.map(async (path) => {
      const name = path
        .slice(folder.length + 1)
        .split(sep)
        .join("/");
      const type = TYPES[extname(path)] ?? "application/octet-stream";
      return [name, { type, content: new Uint8Array(await readFile(path)) }] as const;
    }),
  );
  return new Map(contents);
}
