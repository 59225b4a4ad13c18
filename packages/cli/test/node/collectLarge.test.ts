// Ten classes of 300 photos where every second address is at fault, 5 % of each kind: exact counts.

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { collectDataset } from "../../src/collect/collect.ts";
import { collectSettings } from "../../src/collect/settings.ts";
import { type FakeInternet, fakeInternet } from "../helpers/fakeInternet.ts";

const PER_CLASS = 300;
/** One of twenty addresses each; nine good ones follow, the last of them once more in another encoding, and one that has moved. */
const FAULTS = ["gone", "reset", "page", "error", "truncated", "limited", "small", "optout", "inward"] as const;
const CYCLE = 20;
const GOOD = CYCLE - FAULTS.length - 1;
const CYCLES = PER_CLASS / GOOD;

let folder: string;
let internet: FakeInternet;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-large-"));
});
afterEach(async () => {
  await internet?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Addresses of a class, whose photos have numbers of their own. */
function addresses(index: number): string[] {
  return Array.from({ length: (CYCLES + 2) * CYCLE }, (_, i) => {
    const [cycle, place] = [Math.floor(i / CYCLE), i % CYCLE];
    const id = index * 10_000 + i;
    if (cycle === 2 && place === 0) return `silent/${id}.jpg`;
    const fault = FAULTS[place];
    if (fault !== undefined) return `${fault}/${id}.jpg`;
    if (place === CYCLE - 1) return `recoded/${id - 1}.jpg`;
    return `${place === CYCLE - 2 ? "moved" : "ok"}/${id}.jpg`;
  });
}

test("10 classes x 300 with 5 % of each fault", async () => {
  const settings = await collectSettings({
    out: join(folder, "data"),
    perClass: String(PER_CLASS),
    perHost: "16",
    source: "wikimedia",
  });
  const questions = settings.classes.map(({ words }) => `"${words.phrases[0]}"`);
  internet = await fakeInternet((_, query) => {
    const index = questions.indexOf(query);
    return index < 0 ? [] : addresses(index);
  });
  const { port } = new URL(internet.origin);
  // Many hosts, each with some of everything: one that did nothing but refuse would be left alone.
  const hostOf = (path: string) => Number(/(\d+)\.jpg/.exec(path)![1]) % 701;
  internet.photo = (path) => `http://host${hostOf(path)}.photos.example:${port}/photo/${path}`;
  const result = await collectDataset(settings, {
    env: internet.env,
    events: { say: (line) => expect.fail(line), measured: () => undefined, progress: () => undefined },
    signal: new AbortController().signal,
    rules: { resolve: (_host, _options, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]) },
    patience: { attempts: 1, deadlineMs: 10_000 },
  });
  const statuses = {
    ok: PER_CLASS,
    dead: CYCLES - 1,
    timeout: 1,
    "not-image": CYCLES,
    "decode-error": CYCLES,
    "network-error": CYCLES,
    "server-error": CYCLES,
    "rate-limited": CYCLES,
    "too-small": CYCLES,
    "blocked-optout": CYCLES,
    "blocked-address": CYCLES,
    "duplicate-of": CYCLES - 1,
  };
  for (const one of result.classes) expect({ label: one.label, ...one }).toMatchObject({ got: PER_CLASS, statuses });
  expect(result).toMatchObject({ conflicts: [], interrupted: false });
  const data = join(folder, "data");
  for (const { label } of settings.classes) expect(await readdir(join(data, label))).toHaveLength(PER_CLASS);
  const rows = (await readFile(join(data, "metadata.jsonl"), "utf8")).trimEnd().split("\n");
  expect(rows).toHaveLength(10 * PER_CLASS);
  expect(new Set(rows.map((row) => JSON.parse(row).sha256)).size).toBe(10 * PER_CLASS);
  expect(await readdir(join(data, ".collect"))).toEqual(["ledger.jsonl"]);
}, 300_000);
