// Photos that one has already: a folder of class folders, whose metadata.jsonl comes along.

import { readdir, readFile } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { fail } from "@ballsight/vision";
import { byCodePoint } from "../../data/codePoints.ts";
import { describeFailure } from "../../data/dataset.ts";
import { listPhotos } from "../../images/photoList.ts";
import { className, sameClass } from "../classes.ts";
import { type FoundPhoto, present } from "../photo.ts";
import { jsonObject, plainText, webUrl } from "./service.ts";
import type { Page, Query, Source } from "./source.ts";

/** Lines of metadata.jsonl by file name. */
type Known = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

const PAGE_SIZE = 200;

export class PhotoFolder implements Source {
  readonly name = "folder";
  readonly local = true;
  readonly labels: readonly string[];
  readonly #root: string;
  /** As they are called on disk. */
  readonly #folders: readonly string[];
  readonly #known: Known;
  readonly #files = new Map<string, Promise<readonly string[]>>();

  private constructor(root: string, folders: readonly string[], known: Known) {
    this.#root = root;
    this.#folders = folders;
    this.#known = known;
    this.labels = folders.map((name) => className(name, `--from (folder of ${root})`));
  }

  /** @throws DATA_NOT_A_FOLDER, NO_PHOTOS, BAD_OPTION */
  static async read(path: string): Promise<PhotoFolder> {
    const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) =>
      fail("DATA_NOT_A_FOLDER", { name: path, received: describeFailure(error) }, { cause: error }),
    );
    const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
    if (folders.length === 0) fail("NO_PHOTOS", { name: path });
    const names = folders.map(({ name }) => name).sort(byCodePoint);
    return new PhotoFolder(resolve(path), names, await readMetadata(join(path, "metadata.jsonl")));
  }

  queries(label: string): readonly Query[] {
    return this.#folders.filter((name) => sameClass(name, label)).map((text) => ({ label, text }));
  }

  async search({ text }: Query, cursor: string | undefined): Promise<Page> {
    let listing = this.#files.get(text);
    if (listing === undefined) {
      listing = listPhotos([join(this.#root, text)]).then((photos) =>
        photos.flatMap(({ file, error }) => (error ? [] : [file])),
      );
      this.#files.set(text, listing);
    }
    const files = await listing;
    const begin = Number(cursor ?? 0);
    const end = begin + PAGE_SIZE;
    const items = files.slice(begin, end).map((file) => this.#photo(file));
    return { items, next: end < files.length ? String(end) : undefined };
  }

  #photo(file: string): FoundPhoto {
    const known = this.#known.get(relative(this.#root, file).split(sep).join("/")) ?? {};
    return present({
      url: pathToFileURL(file).href,
      origin_url: webUrl(known.url),
      page_url: webUrl(known.page_url),
      title: plainText(known.title),
      creator: plainText(known.creator),
      license: plainText(known.license),
      license_url: webUrl(known.license_url),
      attribution: plainText(known.attribution),
    }) as FoundPhoto;
  }
}

async function readMetadata(file: string): Promise<Known> {
  const text = await readFile(file, "utf8").catch(() => "");
  const records = text.split("\n").map(jsonObject);
  return new Map(
    records.flatMap((record) => (record === undefined ? [] : [[String(record.file_name), record] as const])),
  );
}
