// The browser's answers beside those of `ballsight predict`, the program: the same labels, probabilities within what decoders differ by.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasChromium, openBrowser, PATIENT } from "../helpers/chromium.ts";
import { hostPage, type PageHost } from "../helpers/pageServer.ts";
import { photoFiles } from "../helpers/photos.ts";

const PROGRAM = fileURLToPath(new URL("../../../cli/bin/ballsight.js", import.meta.url));
const PHOTOS = fileURLToPath(new URL("../../../../../shared/data/balls", import.meta.url));
const MINUTES = 60_000;

type Scores = Readonly<Record<string, number>>;

let browser: Browser;
let host: PageHost;
let folder: string;

describe.skipIf(!hasChromium)("the browser answers as `ballsight predict` does", () => {
  beforeAll(async () => {
    [browser, host, folder] = await Promise.all([
      openBrowser(),
      hostPage({ config: { examples: [] } }),
      mkdtemp(join(tmpdir(), "ballsight-answers-")),
    ]);
  });
  afterAll(async () => {
    await browser.close();
    await Promise.all([host.close(), rm(folder, { recursive: true, force: true })]);
  });

  test(
    "for 50 photos that were drawn, of six kinds of files",
    async () => {
      const files = (await photoFiles(50)).map(({ name, buffer }) => ({ path: join(folder, name), buffer }));
      await Promise.all(files.map(({ path, buffer }) => writeFile(path, buffer)));
      await compare(files.map(({ path }) => path));
    },
    5 * MINUTES,
  );

  test.skipIf(!existsSync(PHOTOS))(
    "for 200 photos of ../shared (skipped where there are none)",
    async () => {
      const classes = (await readdir(PHOTOS, { withFileTypes: true })).filter((entry) => entry.isDirectory());
      const lists = await Promise.all(
        classes.map(async ({ name }) =>
          (await readdir(join(PHOTOS, name)))
            .sort()
            .slice(0, 20)
            .map((file) => join(PHOTOS, name, file)),
        ),
      );
      expect(lists.flat()).toHaveLength(200);
      await compare(lists.flat());
    },
    10 * MINUTES,
  );
});

/** Two pages share the photos, as a page answers one at a time. */
async function compare(files: readonly string[]): Promise<void> {
  const half = Math.ceil(files.length / 2);
  const [wanted, ...halves] = await Promise.all([
    predicted(files),
    answered(files.slice(0, half)),
    answered(files.slice(half)),
  ]);
  const answers = halves.flat();
  expect(answers).toHaveLength(files.length);
  for (const [i, file] of files.entries()) {
    const [scores, expected] = [answers[i]!, wanted.get(file)!];
    expect(best(scores), file).toBe(best(expected));
    expect(Object.keys(scores).sort()).toEqual(Object.keys(expected).sort());
    const off = Math.max(...Object.entries(expected).map(([label, score]) => Math.abs(score - scores[label]!)));
    expect(off, file).toBeLessThan(1e-2);
  }
}

const best = (scores: Scores) => Object.entries(scores).reduce((a, b) => (b[1] > a[1] ? b : a))[0];

async function predicted(files: readonly string[]): Promise<Map<string, Scores>> {
  const options = { maxBuffer: 2 ** 26 };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [PROGRAM, "predict", "--json", "--top", "100", ...files],
    options,
  );
  const rows = stdout
    .trimEnd()
    .split("\n")
    .map((row) => JSON.parse(row) as { readonly file: string; readonly top: readonly Answer[] });
  return new Map(rows.map(({ file, top }) => [file, fromAnswers(top)]));
}

interface Answer {
  readonly label: string;
  readonly confidence: number;
}

const fromAnswers = (answers: readonly Answer[]): Scores =>
  Object.fromEntries(answers.map(({ label, confidence }) => [label, confidence]));

/** Through the page's own file field and its table, in the files' order. */
async function answered(files: readonly string[]): Promise<Scores[]> {
  const page = await browser.newPage();
  page.setDefaultTimeout(9 * PATIENT);
  await page.goto(host.url);
  await page.locator("#files").setInputFiles([...files]);
  await page.getByText("all done").waitFor();
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save as CSV" }).click();
  const table = await readFile(await (await downloading).path(), "utf8");
  await page.close();
  const [head, ...rows] = table
    .replace("\ufeff", "")
    .trimEnd()
    .split("\r\n")
    .map((row) => row.split(","));
  return rows.map((row, i) => {
    expect(files[i]).toContain(row[0]);
    const cells = head!.flatMap((title, column) => {
      const label = /^p\((.*)\)$/.exec(title)?.[1];
      return label === undefined ? [] : [[label, Number(row[column])] as const];
    });
    return Object.fromEntries(cells);
  });
}
