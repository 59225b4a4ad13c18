// `ballsight verify`: every file of a data set decoded, what is wrong said by kind, and put right where asked.

import { resolve } from "node:path";
import { fail } from "@ballsight/vision";
import { Metadata } from "../data/metadata.ts";
import { Progress } from "../output/progress.ts";
import { oneLine } from "../output/text.ts";
import { verifyTable } from "../output/verifyTable.ts";
import { expectWritable } from "../report/place.ts";
import { expectSheet } from "../sheet/write.ts";
import { Trash } from "../trash/trash.ts";
import { type ListedFile, listFiles } from "../verify/files.ts";
import { type Fixes, fixPhotos } from "../verify/fix.ts";
import { problemsLeft, type VerifyResult, verifyResult } from "../verify/result.ts";
import { type Scan, scan } from "../verify/scan.ts";
import { writeVerifySheet } from "../verify/sheet.ts";

export interface VerifyOptions {
  readonly fix?: true;
  readonly reencode?: true;
  readonly dropCopies?: true;
  /** A class, or true for some of each. */
  readonly sheet?: string | true;
  readonly out?: string;
  readonly json?: true;
}

/** Returns the exit code: 0 when every file is a photo that can be used, 1 when something is left to be looked at. Throws on options and data (exit code 2). */
export async function verify(data: string, options: VerifyOptions): Promise<number> {
  const root = resolve(data);
  const changes = options.fix === true || options.reencode === true || options.dropCopies === true;
  // What is no folder must not get a trash.
  let files = await listFiles(root);
  const sheet = await sheetPlan(options, files);
  const trash = changes ? await Trash.open(root) : undefined;
  try {
    // Held now, and what a kill left half done is finished.
    if (trash !== undefined) files = await listFiles(root);
    if (!files.some(({ named }) => named)) fail("NO_PHOTOS", { name: data });
    const metadata = trash?.metadata ?? (await Metadata.read(root));
    const progress = new Progress({ stream: process.stderr, silent: options.json === true });
    progress.start("Verify");
    const total = files.length;
    const found = await scan({ root, files, metadata, onProgress: (done) => progress.update({ done, total }) });
    progress.start("Fix");
    const fixes =
      trash === undefined
        ? undefined
        : await fixPhotos(
            trash,
            found,
            { fix: options.fix === true, reencode: options.reencode === true, dropCopies: options.dropCopies === true },
            (done, total) => progress.update({ done, total }),
          );
    progress.clear();
    return await finish(verifyResult(root, found), found, fixes, sheet, options);
  } finally {
    await trash?.close();
  }
}

interface SheetPlan {
  readonly out: string;
  readonly label: string | undefined;
}

/** @throws BAD_OPTION (no such class, a file that cannot be written or is another one): better now than after minutes */
async function sheetPlan(
  { sheet, out = "sheet.html" }: VerifyOptions,
  files: readonly ListedFile[],
): Promise<SheetPlan | undefined> {
  if (sheet === undefined) return undefined;
  const label = sheet === true ? undefined : sheet.normalize("NFC");
  const labels = [...new Set(files.map((file) => file.label))].filter((name) => name !== "");
  // Of a folder without photos there is more to be said.
  if (label !== undefined && labels.length > 0 && !labels.includes(label)) {
    fail("BAD_OPTION", { option: "--sheet", expected: `a class (${labels.join(", ")})`, received: label });
  }
  await expectWritable("--out", out, [".html", ".htm"]);
  await expectSheet("--out", out);
  return { out, label };
}

async function finish(
  result: VerifyResult,
  found: Scan,
  fixes: Fixes | undefined,
  sheet: SheetPlan | undefined,
  { json }: VerifyOptions,
): Promise<number> {
  const fixed = new Map(fixes?.done.map((fix) => [fix.file, fix.now]));
  const nameOf = (file: string) => (fixed.has(file) ? (fixed.get(file) ?? undefined) : file);
  const left = problemsLeft(result, new Set(fixed.keys()));
  if (sheet !== undefined) {
    const photos = found.good.flatMap(({ file, label }) => {
      const now = nameOf(file);
      return now === undefined ? [] : [{ file: now, label }];
    });
    await writeVerifySheet({ ...sheet, result, photos, nameOf });
  }
  if (json) {
    const page = sheet === undefined ? {} : { sheet: sheet.out };
    process.stdout.write(`${JSON.stringify({ ...result, ...(fixes !== undefined && { fixes }), left, ...page })}\n`);
    return left > 0 ? 1 : 0;
  }
  const lines = [verifyTable(result), ""];
  if (fixes !== undefined) lines.push(...fixLines(fixes, result.data), "");
  if (sheet !== undefined) lines.push(`sheet   ${oneLine(sheet.out)}`);
  lines.push(verdict(result, left, fixes !== undefined));
  process.stdout.write(`${lines.join("\n")}\n`);
  return left > 0 ? 1 : 0;
}

function fixLines({ done, failed, keeps_credits }: Fixes, data: string): string[] {
  const count = (action: Fixes["done"][number]["action"]) => done.filter((fix) => fix.action === action).length;
  const moved = count("trash") + count("reencode");
  const words = (
    [
      [count("trash"), "moved to .trash"],
      [count("rename"), "renamed"],
      [count("reencode"), "stored anew, the originals are in .trash"],
    ] as const
  ).flatMap(([n, what]) => (n > 0 ? [`${n} ${what}`] : []));
  const renames = done.flatMap(({ action, file, now }) =>
    action === "rename" ? [`  ${oneLine(file)} -> ${oneLine(now!)}`] : [],
  );
  return [
    `fixed   ${words.length > 0 ? words.join("; ") : "nothing"}`,
    ...renames,
    ...failed.map(({ file, error }) => `  ${oneLine(file)} stays as it is: ${oneLine(error.message)}`),
    ...(keeps_credits && done.length > 0 ? ["  CREDITS.md stays as it is: this program did not write it"] : []),
    ...(moved > 0 ? [`undo    ballsight restore ${oneLine(data)}`] : []),
  ];
}

function verdict({ photos, readable }: VerifyResult, left: number, isFixed: boolean): string {
  const all = `${readable} of ${photos} photos can be read`;
  if (left === 0) return `${all}; nothing ${isFixed ? "is left " : ""}to be put right`;
  return `${all}; ${left} ${left === 1 ? "file is" : "files are"} to be looked at`;
}
