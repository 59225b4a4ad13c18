// The doubtful photos and where they lie now: names may have changed since `clean`, contents say which photo is which.

import { PhotoHashes, photoFiles } from "../decisions/hashes.ts";
import type { KnownPhoto } from "../decisions/state.ts";
import type { DoubtfulPhoto } from "./issues.ts";

export type Missing = "gone" | "changed" | null;

/** A doubtful photo; `file` and `label` are where it lies now, or lay last. */
export interface RolledPhoto extends KnownPhoto {
  readonly doubt: DoubtfulPhoto;
  readonly missing: Missing;
}

/** Told of photos that turned out to lie elsewhere, to have gone or to have changed. */
export type OnFound = (ids: readonly number[]) => void;

export class Roll {
  readonly hashes: PhotoHashes;
  readonly classes: readonly string[];
  readonly #photos: RolledPhoto[];
  readonly #labels: ReadonlyMap<string, string>;
  readonly #byHash = new Map<string, Set<string>>();
  readonly #ids = new Map<string, number>();
  readonly #idsByHash = new Map<string, number[]>();

  private constructor(hashes: PhotoHashes, labels: ReadonlyMap<string, string>, doubtful: readonly DoubtfulPhoto[]) {
    this.hashes = hashes;
    this.#labels = labels;
    const suggested = doubtful.flatMap(({ label, issues }) => [
      label,
      ...issues.flatMap(({ suggestion }) => suggestion.label ?? []),
    ]);
    this.classes = [...new Set([...labels.values(), ...suggested])].sort();
    this.#photos = doubtful.map((doubt, id) => {
      const { file, sha256 } = doubt;
      const label = labels.get(file);
      this.#ids.set(keyOf(sha256, file), id);
      this.#idsByHash.set(sha256, [...this.idsOf(sha256), id]);
      if (label !== undefined) this.#name(sha256, file);
      return { doubt, file, sha256, label: label ?? doubt.label, missing: label === undefined ? "gone" : null };
    });
  }

  /** Looks at names only; `check` looks at contents. */
  static async open(root: string, doubtful: readonly DoubtfulPhoto[]): Promise<Roll> {
    const files = await photoFiles(root);
    return new Roll(new PhotoHashes(root), new Map(files.map(({ file, label }) => [file, label])), doubtful);
  }

  get photos(): readonly RolledPhoto[] {
    return this.#photos;
  }

  get files(): readonly string[] {
    return [...this.#labels.keys()];
  }

  /** Of a file of the data set; undefined for any other path. */
  labelOf(file: string): string | undefined {
    return this.#labels.get(file);
  }

  /** Files that held a content when it was last looked at. */
  namesOf(sha256: string): ReadonlySet<string> {
    return this.#byHash.get(sha256) ?? new Set();
  }

  idOf(sha256: string, file: string): number | undefined {
    return this.#ids.get(keyOf(sha256, file));
  }

  /** All doubtful photos of one content. */
  idsOf(sha256: string): readonly number[] {
    return this.#idsByHash.get(sha256) ?? [];
  }

  /** Any photo of the data set by its name, with the content that it has now. */
  async look(file: string): Promise<KnownPhoto | undefined> {
    const label = this.#labels.get(file);
    const sha256 = label === undefined ? undefined : await this.hashes.of(file);
    if (label === undefined || sha256 === undefined) return undefined;
    this.#name(sha256, file);
    return { file, label, sha256 };
  }

  /**
   * Reads the doubtful photos, and all others too where some are not found under their names: they may have been moved.
   * @param isOver asked before every photo
   */
  async check(onFound: OnFound, isOver: () => boolean): Promise<void> {
    for (const [id, photo] of this.#photos.entries()) {
      if (isOver()) return;
      if (photo.missing !== null || (await this.hashes.of(photo.file)) === photo.sha256) continue;
      this.#unname(photo.sha256, photo.file);
      this.#photos[id] = { ...photo, missing: "changed" };
      onFound([id]);
    }
    const wanted = new Map<string, [number, RolledPhoto][]>();
    for (const [id, photo] of this.#photos.entries()) {
      if (photo.missing !== null) wanted.set(photo.sha256, [...(wanted.get(photo.sha256) ?? []), [id, photo]]);
    }
    for (const file of this.#labels.keys()) {
      if (wanted.size === 0 || isOver()) return;
      const found = await this.look(file);
      const lost = found && wanted.get(found.sha256)?.shift();
      if (found === undefined || lost === undefined) continue;
      const [id, photo] = lost;
      if (wanted.get(found.sha256)?.length === 0) wanted.delete(found.sha256);
      this.#photos[id] = { ...photo, ...found, missing: null };
      this.#ids.set(keyOf(found.sha256, file), id);
      onFound([id]);
    }
  }

  #name(sha256: string, file: string): void {
    const names = this.#byHash.get(sha256);
    if (names === undefined) this.#byHash.set(sha256, new Set([file]));
    else names.add(file);
  }

  #unname(sha256: string, file: string): void {
    this.#byHash.get(sha256)?.delete(file);
  }
}

const keyOf = (sha256: string, file: string) => `${sha256} ${file}`;
