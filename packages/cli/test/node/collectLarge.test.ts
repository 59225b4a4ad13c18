// Ten classes of 300 photos of which four in five addresses are at fault, 5 % of each kind: exact counts.

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { collectDataset } from "../../src/collect/collect.ts";
import { collectSettings } from "../../src/collect/settings.ts";
import { type FakeInternet, fakeInternet, prepare } from "../helpers/fakeInternet.ts";

const PER_CLASS = 300;
/** One of twenty addresses each; `lying` is a Content-Length that says too much and one that says too little, in turn. */
const FAULTS = [
  ...["gone", "reset", "page", "error", "truncated", "limited", "small", "optout", "inward"],
  ...["slow", "endless", "bomb", "pixels", "loop", "lying"],
] as const;
const CYCLE = 20;
/** The last of which has moved; one more is a copy of one before it in another encoding. */
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
    if (fault === "lying") return `${cycle % 2 === 0 ? "shorter" : "longer"}/${id}.jpg`;
    if (fault !== undefined) return `${fault}/${id}.jpg`;
    if (place === CYCLE - 1) return `recoded/${id - 2}.jpg`;
    return `${place === CYCLE - 2 ? "moved" : "ok"}/${id}.jpg`;
  });
}

const numberOf = (path: string) => Number(/(\d+)\.jpg/.exec(path)![1]);

test("10 classes x 300 with 5 % of each fault", async () => {
  const settings = await collectSettings({
    out: join(folder, "data"),
    perClass: String(PER_CLASS),
    perHost: "16",
    parallel: "256",
    source: "wikimedia",
  });
  // A question is given 1000 answers: the others come with the next one.
  const answers = new Map(
    settings.classes.flatMap(({ words: { phrases } }, index) => {
      const all = addresses(index);
      return [all.slice(0, 1000), all.slice(1000)].map((part, i) => [`"${phrases[i]}"`, part] as const);
    }),
  );
  internet = await fakeInternet((_, query) => answers.get(query) ?? []);
  // Drawn before anybody waits for them: the only clock that counts here is that of answers that never come.
  await prepare([...answers.values()].flat());
  const { port } = new URL(internet.origin);
  // So many hosts that none of them can refuse often enough to be left alone.
  const hostOf = (path: string) => numberOf(path) % 2003;
  internet.photo = (path) => `http://host${hostOf(path)}.photos.example:${port}/photo/${path}`;
  const result = await collectDataset(settings, {
    env: internet.env,
    events: { say: (line) => expect.fail(line), measured: () => undefined, progress: () => undefined },
    signal: new AbortController().signal,
    rules: { resolve: (_host, _options, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]) },
    // Silence is measured in turns of this process's timers, in which local servers are as busy as it is itself.
    patience: { attempts: 1, deadlineMs: 3_600_000, idleMs: 6000, maxBytes: 1_000_000 },
  });
  const shorter = Math.ceil(CYCLES / 2);
  const statuses = {
    ok: PER_CLASS,
    dead: 2 * CYCLES - 1,
    timeout: CYCLES + 1,
    "not-image": CYCLES,
    "decode-error": CYCLES + (CYCLES - shorter),
    "network-error": CYCLES + shorter,
    "server-error": CYCLES,
    "rate-limited": CYCLES,
    "too-small": CYCLES,
    "too-large": 3 * CYCLES,
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
}, 900_000);
