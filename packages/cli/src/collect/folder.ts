// The folder that is filled: new, or a data set; held by one process; `.collect` in it is ours.

import { createHash } from "node:crypto";
import { type Dirent, existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { BallsightError, fail } from "@ballsight/vision";
import { isPhotoName } from "../data/dataset.ts";
import { describeHolder, type Lock, tryLock } from "../run/lock.ts";
import { failWriting, makeFolders, removeTemporaryFiles } from "../run/writeAtomic.ts";

const OWN = ".collect";
const LEDGER = "ledger.jsonl";
const INCOMING = "incoming";
const SHARDS = "shards";
export const CREDITS_FILE = "CREDITS.md";
export const SHEET_FILE = "sheet.html";

/** What a data set holds beside class folders, and what file managers leave everywhere. */
const BESIDE =
  /^(?:metadata\.jsonl|credits\.md|readme(?:\.\w+)?|license(?:\.\w+)?|[\w-]+\.html|\.trash|\.collect|\..+\.\d+-\d+\.tmp)$/i;
const CLUTTER = /^(?:\.ds_store|thumbs\.db|desktop\.ini|\._.*)$/i;

export class CollectFolder {
  /** Absolute. */
  readonly path: string;
  readonly #locks: readonly Lock[];

  private constructor(path: string, locks: readonly Lock[]) {
    this.path = path;
    this.#locks = locks;
  }

  /**
   * Makes the folder or opens one that is a data set, and locks it.
   * @throws COLLECT_FOLDER, DATA_BUSY, RUN_NOT_WRITABLE, DISK_FULL; nothing was changed then
   */
  static async open(name: string, labels: readonly string[]): Promise<CollectFolder> {
    const path = resolve(name);
    await expectDataset(name, labels);
    const locks: Lock[] = [];
    try {
      await makeFolders(join(path, OWN));
      // `verify --fix` holds the other one where there is a trash.
      for (const folder of [OWN, ".trash"]) {
        const isThere = (await stat(join(path, folder)).catch(() => undefined))?.isDirectory() ?? false;
        if (isThere) locks.push(await lock(path, folder));
      }
      for (const folder of [path, join(path, OWN)]) await removeTemporaryFiles(folder);
      return new CollectFolder(path, locks);
    } catch (error) {
      await Promise.all(locks.map((one) => one.release()));
      if (error instanceof BallsightError) throw error;
      return await failWriting(error, join(path, OWN), 0);
    }
  }

  get ledger(): string {
    return join(this.path, OWN, LEDGER);
  }

  /** Of work that is given to others. */
  get shards(): string {
    return join(this.path, OWN, SHARDS);
  }

  /** Where photos under way lie. */
  get incoming(): string {
    return join(this.path, OWN, INCOMING);
  }

  /**
   * Brings to its place what the ledger says is there and a kill left under way, and clears away the rest. A photo's line is written
   * first and its file renamed then: the other way round, a kill in between would leave a photo that nobody knows.
   * @param keepShards whether others may still be at work on what a run before this one gave them
   */
  async recover(
    photos: readonly { readonly file: string; readonly sha256: string }[],
    keepShards: boolean,
  ): Promise<void> {
    const parts = await readdir(this.incoming).catch(() => []);
    const missing = new Map(photos.filter(({ file }) => !existsSync(this.file(file))).map((one) => [one.sha256, one]));
    const shards = missing.size === 0 ? [] : await readdir(this.shards, { recursive: true }).catch(() => []);
    const shared = shards.filter((name) => name.endsWith(".part")).map((name) => join(this.shards, name));
    for (const path of [...parts.map((part) => join(this.incoming, part)), ...shared]) {
      const photo = missing.get(
        createHash("sha256")
          .update(await readFile(path))
          .digest("hex"),
      );
      if (photo === undefined || existsSync(this.file(photo.file))) continue;
      await makeFolders(dirname(this.file(photo.file)));
      await rename(path, this.file(photo.file));
    }
    await rm(this.incoming, { recursive: true, force: true });
    // A worker may be at it, which sees by this that nobody waits; what it leaves goes with the next run.
    if (!keepShards) await rm(this.shards, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
    await mkdir(this.incoming);
  }

  file(name: string): string {
    return join(this.path, name);
  }

  async close(): Promise<void> {
    // What is still under way there after a fault may be brought to its place by the next run.
    await rmdir(this.incoming).catch(() => undefined);
    await Promise.all(this.#locks.map((one) => one.release()));
  }
}

async function lock(path: string, folder: string): Promise<Lock> {
  const result = await tryLock(join(path, folder));
  if ("lock" in result) return result.lock;
  const received = `one that ${describeHolder(result.heldBy)} changes`;
  return fail("DATA_BUSY", { name: path, received, lock: join(path, folder, "lock") });
}

/** A home directory or a project must not be filled with photos because of a slip of the keyboard. */
async function expectDataset(name: string, labels: readonly string[]): Promise<void> {
  const refuse = (received: string) => fail("COLLECT_FOLDER", { name, received });
  const entries = await readdir(name, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    if (error.code === "ENOTDIR") return refuse("a file");
    return refuse(`a folder that cannot be read (${error.code})`);
  });
  if (entries === undefined) return;
  const inTheWay = entries.find((entry) => entry.isFile() && labels.includes(entry.name));
  if (inTheWay !== undefined) refuse(`one with a file called ${inTheWay.name}, as a class is`);
  if (entries.some((entry) => entry.name === OWN && entry.isDirectory())) return;
  for (const entry of entries) {
    const foreign = await foreignIn(name, entry);
    if (foreign !== undefined) refuse(`one with ${foreign} in it`);
  }
}

/** What shows that this is no data set. */
async function foreignIn(folder: string, entry: Dirent): Promise<string | undefined> {
  const { name } = entry;
  if (CLUTTER.test(name) || BESIDE.test(name)) return undefined;
  if (entry.isFile() && isPhotoName(name)) return undefined;
  if (name.startsWith(".") || entry.isFile()) return name;
  const inside = await readdir(join(folder, name)).catch(() => []);
  const other = inside.find((file) => !isPhotoName(file) && !CLUTTER.test(file) && !/^\..+\.tmp$/.test(file));
  return other === undefined ? undefined : `${name}/${other}`;
}
