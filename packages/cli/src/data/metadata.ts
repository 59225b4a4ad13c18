// metadata.jsonl of a data set: where each photo is from, one object per line (Hugging Face's ImageFolder convention).

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomic } from "../run/writeAtomic.ts";

export const METADATA_FILE = "metadata.jsonl";

/** `file_name` is relative to the data set's folder, with forward slashes. */
export type MetadataRow = Readonly<Record<string, unknown>> & { readonly file_name: string };

/** Lines that nobody changed stay byte for byte as they were, those that cannot be read too. */
export class Metadata {
  readonly #path: string;
  /** In the file's order; undefined where a row was taken out. */
  #lines: (string | undefined)[];
  /** By file name: its row, the last where there are several, and their lines. */
  readonly #rows = new Map<string, { readonly row: MetadataRow; readonly at: readonly number[] }>();
  readonly #wasThere: boolean;
  #changed = false;

  private constructor(path: string, text: string | undefined) {
    this.#path = path;
    this.#wasThere = text !== undefined;
    this.#lines = (text ?? "").split(/\r?\n/).filter((line) => line.trim() !== "");
    for (const [at, line] of this.#lines.entries()) {
      const row = parseRow(line!);
      if (row === undefined) continue;
      const before = this.#rows.get(key(row.file_name))?.at ?? [];
      this.#rows.set(key(row.file_name), { row, at: [...before, at] });
    }
  }

  /** A folder without the file has no rows; the file is made with the first that is set. */
  static async read(dir: string): Promise<Metadata> {
    const path = join(dir, METADATA_FILE);
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    return new Metadata(path, text);
  }

  get isThere(): boolean {
    return this.#wasThere;
  }

  rows(): MetadataRow[] {
    return [...this.#rows.values()].map(({ row }) => row);
  }

  get(file: string): MetadataRow | undefined {
    return this.#rows.get(key(file))?.row;
  }

  delete(file: string): void {
    this.#take(file);
  }

  /** In place of the row of `file`, at the end where it has none. The new row may name another file. */
  set(file: string, row: MetadataRow): void {
    const at = this.#take(file) ?? this.#lines.length;
    this.#take(row.file_name);
    this.#lines[at] = JSON.stringify(row);
    this.#rows.set(key(row.file_name), { row, at: [at] });
    this.#changed = true;
  }

  /** The first line that the file's rows leave free. */
  #take(file: string): number | undefined {
    const found = this.#rows.get(key(file));
    if (found === undefined) return undefined;
    for (const at of found.at) this.#lines[at] = undefined;
    this.#rows.delete(key(file));
    this.#changed = true;
    return found.at[0];
  }

  /** Whole or not at all; nothing is written where nothing was changed. */
  async save(): Promise<void> {
    if (!this.#changed) return;
    const lines = this.#lines.filter((line) => line !== undefined);
    await writeAtomic(this.#path, lines.map((line) => `${line}\n`).join(""));
    this.#changed = false;
  }
}

// macOS may hand out decomposed names: two spellings of one name are one file.
const key = (file: string) => file.normalize("NFC");

function parseRow(line: string): MetadataRow | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isRow = typeof value === "object" && value !== null && "file_name" in value;
    return isRow && typeof value.file_name === "string" ? (value as MetadataRow) : undefined;
  } catch {
    return undefined;
  }
}
