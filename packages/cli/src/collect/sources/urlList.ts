// Lists of addresses that one has already: text files with one per line, CSV files with what is known of each.

import { readFile } from "node:fs/promises";
import { basename, extname } from "node:path";
import { fail } from "@ballsight/vision";
import { csvRows } from "../../output/csv.ts";
import { className, sameClass } from "../classes.ts";
import { licenseOf } from "../licenses.ts";
import { type FoundPhoto, normalUrl, present } from "../photo.ts";
import { failReading } from "../readable.ts";
import { plainText, webUrl } from "./service.ts";
import type { Page, Query, Source } from "./source.ts";

interface Listed {
  readonly label: string;
  readonly photo: FoundPhoto;
}

const PAGE_SIZE = 200;

/** Each list is one question per class; the place in it is a count. */
export class UrlLists implements Source {
  readonly name = "urls";
  readonly local = true;
  readonly #lists: ReadonlyMap<string, readonly Listed[]>;

  private constructor(lists: ReadonlyMap<string, readonly Listed[]>) {
    this.#lists = lists;
  }

  /** @throws FILE_NOT_FOUND, IS_A_FOLDER, FILE_NOT_READABLE, BAD_OPTION */
  static async read(files: readonly string[]): Promise<UrlLists> {
    const lists = new Map<string, Listed[]>();
    for (const file of files) {
      const text = await readFile(file, "utf8").catch((error: unknown) => failReading(error, file));
      const name = basename(file);
      lists.set(name, [...(lists.get(name) ?? []), ...parseList(text, file)]);
    }
    return new UrlLists(lists);
  }

  /** In the order of their first appearance. */
  get labels(): readonly string[] {
    return [...new Set([...this.#lists.values()].flatMap((list) => list.map(({ label }) => label)))];
  }

  queries(label: string): readonly Query[] {
    return [...this.#lists.keys()].map((text) => ({ label, text }));
  }

  async search({ label, text }: Query, cursor: string | undefined): Promise<Page> {
    const mine = (this.#lists.get(text) ?? []).filter((one) => sameClass(one.label, label));
    const begin = Number(cursor ?? 0);
    const end = begin + PAGE_SIZE;
    const items = mine.slice(begin, end).map(({ photo }) => photo);
    return { items, next: end < mine.length ? String(end) : undefined };
  }
}

/**
 * With a first line that has a column `url`: CSV, class in `label` or by the file's name, the other columns as in metadata.jsonl. Else one
 * address per line, all of the class that the file is named after.
 */
function parseList(text: string, file: string): Listed[] {
  const whole = `${text.replace(/^\uFEFF/, "").replaceAll(/\r\n?/g, "\n")}\n`;
  const ofFile = basename(file, extname(file));
  const header = (csvRows(whole.slice(0, whole.indexOf("\n") + 1))[0] ?? []).map((cell) => cell.trim().toLowerCase());
  if (!header.includes("url")) {
    const lines = whole.split("\n").map((line) => line.trim());
    const urls = lines.filter((line) => line !== "" && !line.startsWith("#"));
    const label = urls.length === 0 ? "" : className(ofFile, `--urls (name of ${file})`);
    return urls.map((url) => ({ label, photo: { url: normalUrl(url) ?? url } }));
  }
  const rows = csvRows(whole).slice(1);
  const hasLabel = header.includes("label");
  return rows.flatMap((row, i) => {
    const cell = (name: string) => row[header.indexOf(name)];
    const url = cell("url")?.trim() ?? "";
    if (url === "") return [];
    const option = hasLabel ? `label (${file}, row ${i + 2})` : `--urls (name of ${file})`;
    if (hasLabel && cell("label") === undefined) {
      fail("BAD_OPTION", { option, expected: `${header.length} columns`, received: String(row.length) });
    }
    const version = "";
    const license = licenseOf(cell("license") ?? "", version, webUrl(cell("license_url")));
    const photo = present({
      url: normalUrl(url) ?? url,
      page_url: webUrl(cell("page_url")),
      title: plainText(cell("title")),
      creator: plainText(cell("creator")),
      license: license?.name,
      license_url: license?.url,
      attribution: plainText(cell("attribution")),
    }) as FoundPhoto;
    return [{ label: className(cell("label") ?? ofFile, option), photo }];
  });
}
