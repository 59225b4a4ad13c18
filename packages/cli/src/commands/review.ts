// `ballsight review`: the page with the doubtful photos, served to this machine alone, until Ctrl-C.

import { createHash, randomBytes } from "node:crypto";
import { readFile, realpath, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join, resolve } from "node:path";
import { readPage, reviewApp, type ServedReview, serveReview } from "@ballsight/server";
import { fail } from "@ballsight/vision";
import { pageFolder } from "@ballsight/web";
import { ISSUES_FILE } from "../clean/issues.ts";
import { cacheFor } from "../data/cacheFolder.ts";
import { describeFailure } from "../data/dataset.ts";
import { readVersion } from "../data/version.ts";
import { holdReview } from "../decisions/lock.ts";
import { warn } from "../output/warn.ts";
import { openInBrowser } from "../review/browser.ts";
import { Desk } from "../review/desk.ts";
import { readIssues } from "../review/issues.ts";
import { partsOf } from "../review/parts.ts";
import { makeFolders } from "../run/writeAtomic.ts";
import { number } from "../train/options.ts";

export interface ReviewOptions {
  readonly issues?: string;
  readonly port: string;
  readonly who?: string;
  readonly seed: string;
  readonly valid: string;
  readonly dataVersion?: string;
  readonly cache?: string;
  readonly open: boolean;
}

/** Returns the exit code once it was interrupted. Throws on options and data (exit code 2). */
export async function review(data: string, options: ReviewOptions): Promise<number> {
  const port = number("port", options.port, 0, { from: 0, to: 65_535, whole: true });
  const seed = number("seed", options.seed, 0, { from: 0, to: Number.MAX_SAFE_INTEGER, whole: true });
  const valid = number("valid", options.valid, 0, { from: 0, to: 0.9 });
  const root = await realpath(data).catch((cause: unknown) =>
    fail("DATA_NOT_A_FOLDER", { name: data, received: describeFailure(cause) }, { cause }),
  );
  const { photos: doubtful, passedOver } = await readIssues(resolve(options.issues ?? join(root, ISSUES_FILE)));
  warnPassedOver(passedOver, "the list");
  const cache = cacheFor("review", options.cache);
  const version = options.dataVersion === undefined ? [] : await readVersion(options.dataVersion);
  const parts = (files: readonly string[]) => partsOf({ files, doubtful, version, valid, seed });
  const page = await readPage(pageFolder("review"));

  const lock = await holdReview(root);
  let served: ServedReview | undefined;
  let desk: Desk | undefined;
  let closeDoor: (() => Promise<void>) | undefined;
  try {
    const who = options.who ?? userName();
    desk = await Desk.open({ root, doubtful, who, cache: join(cache, "pictures"), parts });
    warnPassedOver(desk.passedOver, "decisions.jsonl");
    const token = await tokenOf(root, cache);
    served = await listen(reviewApp({ desk, token, page }), port, options.port);
    const address = `http://127.0.0.1:${served.port}/${token}/`;
    process.stdout.write(
      `${desk.open} of ${doubtful.length} photos wait for a decision\n${address}\nCtrl-C ends it; every decision is kept\n`,
    );
    if (options.open && process.stdout.isTTY) closeDoor = await openInBrowser(address, cache);
    void desk.check().then(tellMissing);
    await interrupted();
    return 0;
  } finally {
    await closeDoor?.();
    await served?.close();
    await desk?.close();
    await lock.release();
  }
}

async function listen(app: Parameters<typeof serveReview>[0], port: number, received: string): Promise<ServedReview> {
  return await serveReview(app, port).catch((cause: NodeJS.ErrnoException) =>
    fail(
      "BAD_OPTION",
      { option: "--port", expected: "a port that is free", received: `${received} (${cause.code})` },
      { cause },
    ),
  );
}

/** The same whenever this data set is reviewed here, so that a tab that was left open goes on after a restart. */
async function tokenOf(root: string, cache: string): Promise<string> {
  const path = join(cache, "tokens", createHash("sha256").update(root).digest("hex").slice(0, 24));
  const known = await readFile(path, "utf8").catch(() => "");
  if (/^[\w-]{32}$/.test(known)) return known;
  const token = randomBytes(24).toString("base64url");
  // For this user's eyes; where it cannot be kept, the address is another one next time.
  await makeFolders(join(path, ".."))
    .then(() => writeFile(path, token, { mode: 0o600 }))
    .catch(() => undefined);
  return token;
}

function warnPassedOver(lines: number, where: string): void {
  if (lines === 0) return;
  warn(
    `${lines} ${lines === 1 ? "line" : "lines"} of ${where} could not be read and ${lines === 1 ? "is" : "are"} passed over`,
  );
}

function tellMissing({ gone, changed }: { readonly gone: number; readonly changed: number }): void {
  const parts = [...(gone > 0 ? [`${gone} gone`] : []), ...(changed > 0 ? [`${changed} changed`] : [])];
  if (parts.length > 0)
    warn(
      `photos that are not as \`clean\` saw them: ${parts.join(", ")}; they are not asked about, run \`clean\` again`,
    );
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}

function userName(): string {
  try {
    return userInfo().username || "somebody";
  } catch {
    return "somebody"; // a container's user may have no name
  }
}
