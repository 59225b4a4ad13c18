// CREDITS.md: every author their due, from metadata.jsonl alone, so that it can be made again at any time.

import { byCodePoint } from "../data/codePoints.ts";
import type { MetadataRow } from "../data/metadata.ts";

const SERVICES: Readonly<Record<string, string>> = {
  openverse: "[Openverse](https://openverse.org)",
  wikimedia: "[Wikimedia Commons](https://commons.wikimedia.org)",
  duckduckgo: "[DuckDuckGo](https://duckduckgo.com)",
};

/** Only a file with this line is made anew. */
export const CREDITS_MARK = "<!-- Made from metadata.jsonl by ballsight: changes belong there. -->";

/** Grouped by class, sorted by file: the same photos make the same file. */
export function renderCredits(rows: readonly MetadataRow[]): string {
  const sorted = [...rows].sort((a, b) => byCodePoint(a.file_name, b.file_name));
  const known = sorted.filter(({ license }) => typeof license === "string");
  const unknown = sorted.length - known.length;
  const services = Object.entries(SERVICES).flatMap(([name, link]) =>
    sorted.some(({ source }) => source === name) ? [link] : [],
  );
  const parts = [
    "# Credits",
    CREDITS_MARK,
    `${sorted.length} photos${services.length > 0 ? `, found with ${services.join(", ")}` : ""}.`,
  ];
  if (unknown > 0) {
    const are =
      unknown === 1
        ? "1 photo has no known licence: its rights are"
        : `${unknown} photos have no known licence: their rights are`;
    parts.push(`**${are} unknown, so do not publish them.** They are listed at the end.`);
  }
  const folderOf = ({ file_name }: MetadataRow) => file_name.split("/")[0]!;
  for (const label of new Set(known.map(folderOf))) {
    parts.push(
      `## ${escaped(label)}`,
      known
        .filter((row) => folderOf(row) === label)
        .map(credit)
        .join("\n"),
    );
  }
  if (unknown > 0) {
    const others = sorted.filter(({ license }) => typeof license !== "string");
    parts.push("## Without a known licence", others.map(credit).join("\n"));
  }
  return `${parts.join("\n\n")}\n`;
}

/** Title, author, source and licence, as Creative Commons asks for them. */
function credit({ file_name, title, creator, page_url, url, license, license_url }: MetadataRow): string {
  const named = typeof title === "string" ? `"${title}"` : "untitled";
  const page = page_url ?? url;
  const author = typeof creator === "string" ? ` by ${escaped(creator)}` : "";
  const terms = typeof license === "string" ? `, ${linked(license, license_url)}` : "";
  return `- \`${file_name.replaceAll(/[`\p{Cc}\p{Zl}\p{Zp}]+/gu, "")}\`: ${linked(named, page)}${author}${terms}`;
}

function linked(text: string, url: unknown): string {
  if (typeof url !== "string" || !URL.canParse(url) || !/^https?:/i.test(url)) return escaped(text);
  return `[${escaped(text)}](<${new URL(url).href.replaceAll(/[<>]/g, encodeURIComponent)}>)`;
}

/** Titles come from strangers: none may end a link, begin a heading or bring HTML along. */
const escaped = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(/[\\`*_{}[\]()#!|~]/g, "\\$&");
