// A folder that is written whole or not at all: filled under another name beside its place, which it then takes.

import { copyFile, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { BallsightError, fail } from "@ballsight/vision";
import { failWriting, makeFolders, syncFolder, writeFully } from "../run/writeAtomic.ts";

/** What a folder of ours has in it, so that the next run knows what it may replace. */
const MARK = ".ballsight.json";

/** What people add to a published folder; it goes along from the old one to the new one. */
const KEPT = [".git", "CNAME"];

export interface Filling {
  /** Writes a file by its path below the folder, with `/`; folders on the way are made. */
  readonly write: (name: string, content: string | Uint8Array) => Promise<void>;
  readonly copy: (name: string, from: string) => Promise<void>;
  /** All files so far, sorted, with `/`. */
  readonly names: () => readonly string[];
}

/**
 * Fills `out`. What an earlier run wrote there is replaced; anything else is refused, before a byte is written.
 * @param fill what it throws is thrown on, and `out` is as it was
 * @throws SITE_FOLDER, RUN_NOT_WRITABLE, DISK_FULL
 */
export async function writeFolder(out: string, fill: (filling: Filling) => Promise<void>): Promise<readonly string[]> {
  const path = resolve(out);
  const aside = (kind: string) => join(dirname(path), `.${basename(path)}.ballsight-${kind}`);
  const old = aside("old");
  const temporary = aside(`new-${process.pid}`);
  try {
    await recover(path, old);
    await expectOurs(path, out);
    await makeFolders(dirname(path));
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary);
    const filling = fillingOf(temporary);
    await fill(filling);
    const names = filling.names();
    await filling.write(MARK, `${JSON.stringify({ written: names }, null, 2)}\n`);
    await swap(path, temporary, old);
    return names;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    if (error instanceof BallsightError) throw error;
    return await failWriting(error, path, 0);
  }
}

async function swap(path: string, temporary: string, old: string): Promise<void> {
  const replaces = await exists(path);
  if (replaces) await rename(path, old);
  try {
    await rename(temporary, path);
  } catch (error) {
    if (replaces) await rename(old, path);
    throw error;
  }
  if (replaces) await bringAlong(old, path);
  await syncFolder(dirname(path));
}

async function bringAlong(old: string, path: string): Promise<void> {
  for (const name of KEPT) if (await exists(join(old, name))) await rename(join(old, name), join(path, name));
  await rm(old, { recursive: true, force: true });
}

/** What a kill between two renames left: the old folder under its other name, perhaps with a repository in it. */
async function recover(path: string, old: string): Promise<void> {
  if (!(await exists(old))) return;
  if (await exists(path)) await bringAlong(old, path);
  else await rename(old, path);
}

async function expectOurs(path: string, name: string): Promise<void> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) return;
  if (!info.isDirectory()) fail("SITE_FOLDER", { name, received: "a file" });
  const entries = (await readdir(path)).filter((entry) => !KEPT.includes(entry));
  const files = await Promise.all(entries.map(async (entry) => [entry, await listFiles(join(path, entry))] as const));
  const ours = new Set([MARK, ...(await writtenOf(join(path, MARK)))]);
  const foreign = files
    // What is no folder lists nothing: it stands for itself.
    .flatMap(([entry, below]) => (below.length === 0 ? [entry] : below.map((name) => `${entry}/${name}`)))
    .find((name) => !ours.has(name));
  if (foreign !== undefined) fail("SITE_FOLDER", { name, received: `one with \`${foreign}\` in it` });
}

async function writtenOf(mark: string): Promise<readonly string[]> {
  try {
    const { written } = JSON.parse(await readFile(mark, "utf8")) as { readonly written?: unknown };
    return Array.isArray(written) ? written.filter((name) => typeof name === "string") : [];
  } catch {
    return [];
  }
}

function fillingOf(folder: string): Filling {
  const names: string[] = [];
  const place = async (name: string) => {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    names.push(name);
    return path;
  };
  return {
    async write(name, content) {
      const file = await open(await place(name), "wx");
      try {
        await writeFully(file, typeof content === "string" ? Buffer.from(content) : content, 0);
        await file.sync();
      } finally {
        await file.close();
      }
    },
    async copy(name, from) {
      const path = await place(name);
      await copyFile(from, path);
      const file = await open(path, "r+");
      try {
        await file.sync();
      } finally {
        await file.close();
      }
    },
    names: () => [...names].sort(),
  };
}

/** Files below `folder`, sorted, with `/`; none where there is no folder. */
export async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}

const exists = async (path: string) => (await stat(path).catch(() => undefined)) !== undefined;
