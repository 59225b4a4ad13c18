// A data set held for changing it: photos go to `.trash`, are renamed or stored anew, and metadata.jsonl follows.

import { unlink } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { CREDITS_FILE } from "../collect/folder.ts";
import { writeCredits } from "../collect/metadata.ts";
import { Metadata } from "../data/metadata.ts";
import type { Lock } from "../run/lock.ts";
import { makeFolders, syncFolder, writeAtomic } from "../run/writeAtomic.ts";
import { sha256Of } from "../verify/check.ts";
import { failChanging, hold, release } from "./hold.ts";
import { appendJournal, type JournalEntry, readJournal, type TakenEntry, TRASH_FOLDER } from "./journal.ts";
import { isReserved, lastWords } from "./list.ts";
import { exists, moveFile, nameTwice } from "./move.ts";
import { recover, rowAfter } from "./recover.ts";

export interface PhotoToTake {
  readonly file: string;
  readonly why: readonly string[];
  readonly sha256?: string;
}

export interface NewPhoto {
  readonly content: Uint8Array;
  readonly name: string;
  readonly width: number;
  readonly height: number;
}

export class Trash {
  readonly root: string;
  readonly metadata: Metadata;
  readonly #locks: readonly Lock[];
  readonly #lying: Map<string, TakenEntry>;
  #keepsCredits = false;

  private constructor(root: string, locks: readonly Lock[], journal: readonly JournalEntry[], metadata: Metadata) {
    this.root = root;
    this.#locks = locks;
    this.#lying = lastWords(journal);
    this.metadata = metadata;
  }

  /**
   * Locks the data set and finishes what a kill left half done.
   * @param root the data set's folder, which exists
   * @throws DATA_BUSY, DATA_NOT_WRITABLE, DISK_FULL
   */
  static async open(root: string): Promise<Trash> {
    const locks: Lock[] = [];
    try {
      await makeFolders(join(root, TRASH_FOLDER));
      await hold(root, locks);
      const [journal, metadata] = await Promise.all([readJournal(root), Metadata.read(root)]);
      await recover(root, journal, metadata);
      const trash = new Trash(root, locks, journal, metadata);
      await trash.save();
      return trash;
    } catch (error) {
      await release(root, locks);
      return await failChanging(error, root);
    }
  }

  /** Moves photos to `.trash`. */
  async take(photos: readonly PhotoToTake[], onMoved: (photo: PhotoToTake) => void): Promise<void> {
    await this.#changing(async () => {
      const places = new Set<string>();
      const entries: TakenEntry[] = [];
      for (const { file, why, sha256 } of photos) {
        const trash = await trashPlace(this.root, file, places);
        const row = this.metadata.get(file);
        const known = { ...(sha256 !== undefined && { sha256 }), ...(row !== undefined && { row }) };
        entries.push({ action: "trash", file, trash, why, ...known });
      }
      await this.#write(entries);
      for (const { file, trash, why } of entries) {
        // Somebody else may have taken it away since it was looked at.
        if (!(await exists(join(this.root, file)))) continue;
        await moveFile(join(this.root, file), join(this.root, trash));
        this.metadata.delete(file);
        onMoved({ file, why });
      }
    });
  }

  /**
   * Puts another in a photo's place and the photo into `.trash`.
   * @returns the name of what stands for it: another one than was wanted where that is taken
   */
  async replace(
    { file, why, sha256 }: Required<PhotoToTake>,
    { content, name, width, height }: NewPhoto,
  ): Promise<string> {
    return await this.#changing(async () => {
      const became = {
        file: name === file ? file : await this.#freeName(name),
        sha256: sha256Of(content),
        width,
        height,
      };
      const row = this.metadata.get(file);
      const trash = await trashPlace(this.root, file, new Set());
      const entry: TakenEntry = {
        action: "reencode",
        file,
        trash,
        why,
        sha256,
        became,
        ...(row !== undefined && { row }),
      };
      await this.#write([entry]);
      await nameTwice(join(this.root, file), join(this.root, trash));
      await writeAtomic(join(this.root, became.file), content);
      if (became.file !== file) {
        await unlink(join(this.root, file));
        await syncFolder(dirname(join(this.root, file)));
      }
      if (row !== undefined) this.metadata.set(file, rowAfter(entry, row));
      return became.file;
    });
  }

  /** Renames a photo; another name like it is found where that is taken. Returns the name. */
  async rename(file: string, name: string): Promise<string> {
    return await this.#changing(async () => {
      const became = { file: await this.#freeName(name) };
      await this.#write([{ action: "rename", file, became }]);
      await moveFile(join(this.root, file), join(this.root, became.file));
      const row = this.metadata.get(file);
      if (row !== undefined) this.metadata.set(file, { ...row, file_name: became.file });
      return became.file;
    });
  }

  /** The journal's last word on what lies at this place of the trash. */
  entryOf(trash: string): TakenEntry | undefined {
    return this.#lying.get(trash);
  }

  async noteRestored(file: string, trash: string, undo?: true): Promise<void> {
    await this.#write([{ action: "restore", file, trash, ...(undo && { undo }) }]);
  }

  /** For whoever moves the files alone, to places that `trashPlace` gave; `save` afterwards. */
  async noteTaken(entries: readonly TakenEntry[]): Promise<void> {
    await this.#changing(() => this.#write(entries));
  }

  /** Writes metadata.jsonl where it has changed, and CREDITS.md, where there is one of ours, as it says. */
  async save(): Promise<void> {
    await this.#changing(async () => {
      await this.metadata.save();
      const hasCredits = await exists(join(this.root, CREDITS_FILE));
      if (!hasCredits || !this.metadata.isThere) return;
      this.#keepsCredits = (await writeCredits(this.root, this.metadata)) === "foreign";
    });
  }

  /** Whether somebody else wrote CREDITS.md, which then does not follow. */
  get keepsCredits(): boolean {
    return this.#keepsCredits;
  }

  /** Gives the data set back. */
  async close(): Promise<void> {
    await release(this.root, this.#locks);
  }

  async #write(entries: readonly JournalEntry[]): Promise<void> {
    await appendJournal(this.root, entries);
    for (const [trash, entry] of lastWords(entries)) this.#lying.set(trash, entry);
  }

  async #freeName(name: string): Promise<string> {
    return await freeName(this.root, name, new Set());
  }

  async #changing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      return await failChanging(error, this.root);
    }
  }
}

/**
 * Where in the trash: under its own path, numbered where an earlier photo of that name lies or the class is called `lock`. Adds it to `taken`.
 * @param freed as of `freeName`
 */
export async function trashPlace(
  root: string,
  file: string,
  taken: Set<string>,
  freed?: ReadonlySet<string>,
): Promise<string> {
  const [first = "", ...rest] = file.split("/");
  const isTop = rest.length === 0;
  const path = isReserved(first) && !isTop ? [`${first}-2`, ...rest].join("/") : file;
  return await freeName(root, `${TRASH_FOLDER}/${path}`, taken, freed, isTop && isReserved(file) ? 2 : 1);
}

/**
 * `a/b.jpg`, `a/b-2.jpg`, `a/b-3.jpg`: the first that is neither there nor `taken`, to which it is added.
 * @param freed names of files that are there still and will not be
 */
export async function freeName(
  root: string,
  path: string,
  taken: Set<string>,
  freed: ReadonlySet<string> = new Set(),
  from = 1,
): Promise<string> {
  const end = extname(path);
  const stem = path.slice(0, path.length - end.length);
  for (let n = from; ; n++) {
    const candidate = n === 1 ? path : `${stem}-${n}${end}`;
    if (taken.has(candidate) || (!freed.has(candidate) && (await exists(join(root, candidate))))) continue;
    taken.add(candidate);
    return candidate;
  }
}
