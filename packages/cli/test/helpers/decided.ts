// A small data set with decisions of every kind, as the review writes them.

import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fill, picture, snapshot } from "./dataset.ts";
import { sha256 } from "./review.ts";

let steps = 0;

/** Appends a decision about a file as it is now. */
export async function decide(
  root: string,
  file: string,
  action: "keep" | "relabel" | "exclude",
  more: { readonly to?: string; readonly of?: string; readonly kind?: string } = {},
): Promise<string> {
  const { kind = "label", ...rest } = more;
  const entry = {
    at: new Date().toISOString(),
    who: "ada",
    step: `step-${steps++}`,
    action,
    sha256: sha256(await readFile(join(root, file))),
    file,
    from: file.slice(0, file.indexOf("/")),
    ...rest,
    why: [{ kind, score: 0.1 }],
  };
  await appendFile(join(root, "decisions.jsonl"), `${JSON.stringify(entry)}\n`);
  return entry.step;
}

/** Spaces as Python writes them, a row that is none, and a photo nobody knows: all must survive. */
const METADATA = [
  '{"file_name": "Golf/a.jpg", "label": "Golf", "creator": "Ada", "license": "by"}',
  "not a row",
  '{"license": "by", "creator": "Bea", "file_name": "Golf/b.jpg", "label": "Golf"}',
  '{"file_name": "Golf/c.jpg", "creator": "Cleo"}',
  '{"file_name": "Tennis/a.jpg", "label": "Tennis", "creator": "Dora", "license": "by"}',
  '{"file_name": "Golf/gone.jpg", "label": "Golf"}',
  "",
];

/** Golf a, b, c, d and Tennis a: a is relabelled where its name is taken, b taken out, c goes to a new class, d is kept. */
export async function decidedBalls(root: string): Promise<void> {
  await fill(root, {
    "Golf/a.jpg": picture("Tennis", 1).jpeg(),
    "Golf/b.jpg": picture("Golf", 2).jpeg(),
    "Golf/c.jpg": picture("Rugby", 3).jpeg(),
    "Golf/d.jpg": picture("Golf", 4).jpeg(),
    "Tennis/a.jpg": picture("Tennis", 5).jpeg(),
    "metadata.jsonl": METADATA.join("\r\n"),
  });
  await decide(root, "Golf/a.jpg", "relabel", { to: "Tennis" });
  await decide(root, "Golf/b.jpg", "exclude", { kind: "blurred" });
  await decide(root, "Golf/c.jpg", "relabel", { to: "Rugby" });
  await decide(root, "Golf/d.jpg", "keep");
}

/** All files with their content, but for the program's own books: a killed process leaves its locks there until the next comes. */
export async function photosAndRecords(root: string): Promise<Record<string, string>> {
  const all = Object.entries(await snapshot(root));
  return Object.fromEntries(all.filter(([file]) => !/^\.review\/|^\.trash\/[^/]+$/.test(file)));
}

/** A collector's list of authors, as `collect` marks it. */
export async function withCredits(root: string, text: string): Promise<void> {
  await writeFile(join(root, "CREDITS.md"), text);
}
