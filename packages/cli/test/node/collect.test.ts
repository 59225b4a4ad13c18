// `ballsight collect` in a child process against local services: exact counts, origins, licences, stops, kills.

import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Catalog, drawn, type FakeInternet, fakeInternet, photoBytes } from "../helpers/fakeInternet.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/ballsight.js", import.meta.url));

let folder: string;
let internet: FakeInternet;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-collect-"));
});
afterEach(async () => {
  await internet?.close();
  await rm(folder, { recursive: true, force: true });
});

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

function start(
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): { child: ChildProcess; outcome: Promise<Outcome> } {
  const env = { ...process.env, ...internet.env, ...more };
  const child = spawn(process.execPath, [PROGRAM, "collect", ...args], { cwd: folder, env });
  const outcome: Outcome = { code: null, stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (outcome.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (outcome.stderr += text));
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject).on("close", (code) => resolve({ ...outcome, code }));
  });
  return { child, outcome: ended };
}

const collect = (...args: string[]) => start(args).outcome;

/** Paths in the data set, dot-folders left out. */
async function filesOf(data: string): Promise<string[]> {
  const names = await readdir(join(folder, data), { recursive: true, withFileTypes: true });
  return names
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, data).length + 1))
    .filter((name) => !name.startsWith("."))
    .sort();
}

const photosOf = async (data: string) => (await filesOf(data)).filter((name) => name.includes("/"));

async function jsonLines(data: string, name: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(folder, data, name), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

const resultsOf = ({ stdout }: Outcome) =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** What the data set calls the photo of that number. */
const nameOf = async (label: string, id: number) => `${label}/${sha256(await photoBytes(id)).slice(0, 16)}.jpg`;

const range = (count: number, kind: string, from = 0) =>
  Array.from({ length: count }, (_, i) => `${kind}/${from + i}.jpg`);

const plain = (query: string) => !query.includes(":");

/** Alpha's photos are the first thousands, Beta's the next; openverse's the even hundreds, wikimedia's the odd. */
const twoClasses =
  (photos: (from: number) => string[]): Catalog =>
  (service, query) => {
    if (!plain(query)) return [];
    const label = /alpha/i.test(query) ? 0 : 5000;
    return photos(label + (service === "openverse" ? 0 : 100));
  };

async function writeClasses(text = "Alpha\nБета: beta\n"): Promise<void> {
  await writeFile(join(folder, "classes.txt"), text);
}

const ARGS = ["--classes", "classes.txt", "--out", "data", "--per-host", "8"];

describe("collect", () => {
  test("fills a folder per class and knows where each photo is from", async () => {
    internet = await fakeInternet(
      twoClasses((from) => [...range(12, "ok", from), ...range(3, "gone", from), ...range(2, "page", from)]),
    );
    await writeClasses("# two classes\n\nAlpha\r\nБета: beta\n");
    const outcome = await collect(...ARGS, "--per-class", "20", "--json");
    expect({ code: outcome.code, stderr: outcome.stderr }).toEqual({ code: 0, stderr: "" });
    const [alpha, beta, all] = resultsOf(outcome);
    const counts = { wanted: 20, got: 20, added: 20, dead: 5, duplicate: 0, refused: 0, failed: 0 };
    expect(alpha).toMatchObject({ label: "Alpha", ...counts, statuses: { ok: 20, dead: 3, "not-image": 2 } });
    expect(beta).toMatchObject({ label: "Бета", ...counts });
    expect(all).toMatchObject({ out: "data", classes: ["Alpha", "Бета"], conflicts: [], interrupted: false });
    const photos = await photosOf("data");
    expect(photos).toHaveLength(40);
    const rows = await jsonLines("data", "metadata.jsonl");
    expect(rows.map(({ file_name }) => file_name).sort()).toEqual(photos);
    for (const row of rows) {
      const bytes = await readFile(join(folder, "data", row.file_name as string));
      expect(sha256(bytes)).toBe(row.sha256);
      expect(row.file_name).toBe(`${row.label}/${sha256(bytes).slice(0, 16)}.jpg`);
    }
    // The services take turns: twelve of the first, then the other's.
    expect(rows.filter(({ source }) => source === "openverse")).toHaveLength(24);
    expect(rows.find(({ url }) => url === internet.photo("ok/0.jpg"))).toEqual({
      file_name: await nameOf("Alpha", 0),
      label: "Alpha",
      sha256: sha256(await photoBytes(0)),
      width: 160,
      height: 144,
      url: internet.photo("ok/0.jpg"),
      page_url: "https://www.flickr.com/photos/somebody/0",
      title: "Photo ok/0.jpg",
      creator: "Some & Body",
      license: "CC BY-SA 2.0",
      license_url: "https://creativecommons.org/licenses/by-sa/2.0/",
      attribution: '"ok/0.jpg" by Some & Body is licensed under CC BY-SA 2.0.',
      source: "openverse",
      query: "Alpha",
    });
    expect(rows.find(({ url }) => url === internet.photo("ok/100.jpg"))).toMatchObject({
      page_url: "https://commons.wikimedia.org/wiki/File:0",
      creator: 'X "Y"',
      license: "CC BY-SA 4.0",
      source: "wikimedia",
      query: '"Alpha"',
    });
    const credits = await readFile(join(folder, "data", "CREDITS.md"), "utf8");
    expect(credits).toContain(
      `- \`${await nameOf("Alpha", 0)}\`: ["Photo ok/0.jpg"](<https://www.flickr.com/photos/somebody/0>) by Some &amp; Body, [CC BY-SA 2.0](<https://creativecommons.org/licenses/by-sa/2.0/>)`,
    );
    expect(credits).toContain("40 photos, found with [Openverse](https://openverse.org), [Wikimedia Commons]");
    expect(await readdir(join(folder, "data", ".collect"))).toEqual(["ledger.jsonl"]);
  });

  test("a second run asks nothing twice; more are asked for only where more are wanted", async () => {
    internet = await fakeInternet(twoClasses((from) => [...range(4, "gone", from), ...range(20, "ok", from)]));
    await writeClasses();
    expect((await collect(...ARGS, "--per-class", "8")).code).toBe(0);
    const before = await photosOf("data");
    const first = [...internet.requests];
    internet.requests.length = 0;
    const again = await collect(...ARGS, "--per-class", "8");
    expect(again.code).toBe(0);
    expect(internet.requests).toEqual([]);
    expect(again.stdout).toMatch(/^all +16 +16 +· +8 +· +· +·$/m);
    expect((await collect(...ARGS, "--per-class", "12")).code).toBe(0);
    const photos = await photosOf("data");
    expect(photos).toHaveLength(24);
    expect(photos).toEqual(expect.arrayContaining(before));
    // What was downloaded ahead and not needed may come again; what was decided does not.
    const decided = (await jsonLines("data", ".collect/ledger.jsonl")).filter(({ event }) => event === "done");
    expect(new Set(decided.map(({ url }) => url)).size).toBe(decided.length);
    const searches = [...first, ...internet.requests].filter((path) => !path.startsWith("/photo/"));
    expect(new Set(searches).size).toBe(searches.length);
  });

  test("distinct: repeated, recoded, mirrored and turned copies, and copies under another class", async () => {
    internet = await fakeInternet((service, query) => {
      if (!plain(query) || service !== "openverse") return [];
      if (!/alpha/i.test(query)) return ["ok/2.jpg", "recoded/3.jpg", "ok/50.jpg"];
      const copies = ["recoded/0.jpg", "mirrored/1.jpg", "turned/2.jpg", "moved/0.jpg"];
      return ["ok/0.jpg", "ok/1.jpg", "ok/2.jpg", "ok/3.jpg", ...copies, "ok/0.jpg", "ok/4.jpg"];
    });
    await writeClasses();
    const outcome = await collect(...ARGS, "--per-class", "9", "--json");
    expect(outcome.code).toBe(1);
    const [alpha, beta, all] = resultsOf(outcome);
    // By their places in the lists, class by class: Beta's first comes before Alpha's third.
    expect(alpha).toMatchObject({ got: 3, duplicate: 6, dead: 0 });
    expect(beta).toMatchObject({ got: 3, duplicate: 0 });
    const names = ["ok/2.jpg", "ok/3.jpg", "turned/2.jpg"];
    expect(all!.conflicts).toMatchObject(names.map((name) => ({ url: internet.photo(name), label: "Alpha" })));
    const ledger = await jsonLines("data", ".collect/ledger.jsonl");
    const mirrored = ledger.find(({ url, event }) => event === "done" && url === internet.photo("mirrored/1.jpg"));
    expect(mirrored).toMatchObject({ status: "duplicate-of", of: await nameOf("Alpha", 1) });
    expect(mirrored?.likeness).toBeGreaterThan(0.975);
  });

  test("photos that are there count and are not taken again, whoever put them there", async () => {
    internet = await fakeInternet(twoClasses((from) => range(20, "ok", from)));
    await writeClasses();
    await mkdir(join(folder, "data", "Alpha"), { recursive: true });
    await writeFile(join(folder, "data", "Alpha", "mine.jpg"), await drawn(0).jpeg({ quality: 50 }).toBuffer());
    await writeFile(
      join(folder, "data", "metadata.jsonl"),
      '{"file_name":"Alpha/mine.jpg","note":"my own"}\nnot json\n',
    );
    const outcome = await collect(...ARGS, "--per-class", "5", "--json");
    expect(outcome.code).toBe(0);
    const [alpha] = resultsOf(outcome);
    expect(alpha).toMatchObject({ got: 5, added: 4, duplicate: 1 });
    const text = await readFile(join(folder, "data", "metadata.jsonl"), "utf8");
    expect(text).toContain('{"file_name":"Alpha/mine.jpg","note":"my own"}\nnot json\n');
    expect(text.trimEnd().split("\n")).toHaveLength(2 + 4 + 5);
    expect(await photosOf("data")).toContain("Alpha/mine.jpg");
  });

  test("what was taken out is not brought back, and makes room for another", async () => {
    internet = await fakeInternet(
      twoClasses((from) => [...range(6, "ok", from), `recoded/${from}.jpg`, `ok/${from + 50}.jpg`]),
    );
    await writeClasses("Alpha\n");
    expect((await collect(...ARGS, "--per-class", "6", "--source", "openverse")).code).toBe(0);
    const taken = await nameOf("Alpha", 0);
    await mkdir(join(folder, "data", ".trash"));
    await rename(join(folder, "data", taken), join(folder, "data", ".trash", "0.jpg"));
    const outcome = await collect(...ARGS, "--per-class", "6", "--source", "openverse", "--json");
    expect(outcome.code).toBe(0);
    expect(resultsOf(outcome)[0]).toMatchObject({ got: 6, added: 1, duplicate: 1 });
    const rows = await jsonLines("data", "metadata.jsonl");
    expect(rows.map(({ file_name }) => file_name)).not.toContain(taken);
    expect(rows.map(({ file_name }) => file_name)).toContain(await nameOf("Alpha", 50));
  });

  test("a photo that was moved to another class takes its origin along; credits of somebody else stay", async () => {
    internet = await fakeInternet(twoClasses((from) => range(3, "ok", from)));
    await writeClasses();
    expect((await collect(...ARGS, "--per-class", "2")).code).toBe(0);
    const [from, to] = [await nameOf("Alpha", 0), await nameOf("Бета", 0)];
    await rename(join(folder, "data", from), join(folder, "data", to));
    const own = "# Credits\n\nThanks to Ann.\n";
    await writeFile(join(folder, "data", "CREDITS.md"), own);
    const outcome = await collect(...ARGS, "--per-class", "2");
    expect(outcome.stderr).toMatch(/^ballsight: CREDITS\.md was not written by this program and stays as it is; .*\n$/);
    expect(outcome.stdout).not.toContain("credits ");
    expect(await readFile(join(folder, "data", "CREDITS.md"), "utf8")).toBe(own);
    const rows = await jsonLines("data", "metadata.jsonl");
    expect(rows.filter(({ url }) => url === internet.photo("ok/0.jpg"))).toMatchObject([
      { file_name: to, label: "Бета", license: "CC BY-SA 2.0" },
    ]);
    expect(rows.map(({ file_name }) => file_name).sort()).toEqual(await photosOf("data"));
  });

  test("what somebody put there and took out is not collected", async () => {
    internet = await fakeInternet(twoClasses((from) => range(3, "ok", from)));
    await writeClasses("Alpha\n");
    await mkdir(join(folder, "data", "Alpha"), { recursive: true });
    await writeFile(join(folder, "data", "Alpha", "mine.jpg"), await photoBytes(0));
    const args = [...ARGS, "--source", "openverse", "--json"];
    await collect(...args, "--per-class", "1");
    await rm(join(folder, "data", "Alpha", "mine.jpg"));
    expect(resultsOf(await collect(...args, "--per-class", "9"))[0]).toMatchObject({ got: 2, duplicate: 1 });
  });

  test("lists and folders are read anew by every run", async () => {
    internet = await fakeInternet(() => []);
    for (const [name, ids] of Object.entries({ a: [1], b: [2, 3] })) {
      await mkdir(join(folder, name, "Alpha"), { recursive: true });
      await writeFile(join(folder, name, "list.csv"), `url,label\n${internet.photo(`ok/${ids[0]}.jpg`)},Alpha\n`);
      for (const id of ids) await writeFile(join(folder, name, "Alpha", `${id}.jpg`), await photoBytes(id + 10));
    }
    const got = async (...args: string[]) => resultsOf(await collect("--out", "data", "--json", ...args))[0]?.got;
    expect(await got("--urls", "a/list.csv")).toBe(1);
    expect(await got("--urls", "b/list.csv")).toBe(2);
    await writeFile(join(folder, "b", "list.csv"), `url,label\n${internet.photo("ok/4.jpg")},Alpha\n,`, { flag: "a" });
    expect(await got("--urls", "b/list.csv")).toBe(3);
    expect(await got("--from", "a")).toBe(4);
    expect(await got("--from", "b")).toBe(6);
  });

  test("a host that wants to be left alone: its photos stay undecided, others are taken, the next run comes back", async () => {
    internet = await fakeInternet(() => []);
    const other = new URL(internet.env.BALLSIGHT_OPENVERSE_URL!).origin;
    const closed = range(60, "ok").map(internet.photo);
    const open = range(3, "ok", 100).map((path) => `${other}/photo/${path}`);
    await writeFile(join(folder, "Alpha.txt"), [...closed, ...open].join("\n"));
    internet.intercept = (request, response) => {
      if (request.headers.host !== new URL(internet.origin).host) return false;
      response.writeHead(429, { "retry-after": "3600" }).end();
      return true;
    };
    const args = ["--urls", "Alpha.txt", "--out", "data", "--per-host", "1"];
    const first = await collect(...args, "--json");
    expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 1, stderr: "" });
    expect(resultsOf(first)[0]).toMatchObject({ got: 3, failed: 0, left: 60 });
    internet.intercept = undefined;
    expect(resultsOf(await collect(...args, "--json"))[0]).toMatchObject({ got: 63, left: 0 });
  });

  test("--retry asks again for what may be otherwise, and for nothing else", async () => {
    internet = await fakeInternet(
      twoClasses((from) => [...range(3, "ok", from), ...range(2, "error", from + 10), ...range(2, "gone", from + 20)]),
    );
    await writeClasses("Alpha\n");
    const args = [...ARGS, "--per-class", "9", "--source", "openverse"];
    const first = await collect(...args);
    expect(first.code).toBe(1);
    expect(first.stdout).toContain("not taken: 2 dead, 2 server-error\nmay be otherwise later: --retry server-error");
    internet.requests.length = 0;
    internet.intercept = (_, response, url) => {
      if (!url.pathname.startsWith("/photo/error/")) return false;
      const id = Number(/(\d+)\.jpg/.exec(url.pathname)![1]);
      void photoBytes(id).then((bytes) => response.writeHead(200).end(bytes));
      return true;
    };
    expect((await collect(...args)).code).toBe(1);
    expect(internet.requests).toEqual([]);
    const retried = await collect(...args, "--retry", "server-error", "--json");
    expect(resultsOf(retried)[0]).toMatchObject({ got: 5, added: 2, dead: 2, failed: 0 });
    expect(internet.requests.sort()).toEqual(["/photo/error/10.jpg", "/photo/error/11.jpg"]);
    expect((await jsonLines("data", "metadata.jsonl")).map(({ url }) => url)).toContain(internet.photo("error/10.jpg"));
  });

  test("--license refuses what is not known to be allowed", async () => {
    internet = await fakeInternet(() => []);
    const rows = [
      "url,label,license,creator",
      `${internet.photo("ok/1.jpg")},Alpha,CC BY 4.0,A`,
      `${internet.photo("ok/2.jpg")},Alpha,CC BY-NC 2.0,B`,
      `${internet.photo("ok/3.jpg")},Alpha,CC0 1.0,C`,
      `${internet.photo("ok/4.jpg")},Alpha,,D`,
      `${internet.photo("ok/5.jpg")},Alpha,GFDL,E`,
    ];
    await writeFile(join(folder, "list.csv"), rows.join("\r\n"));
    const expected = { any: 5, cc: 3, commercial: 2, "public-domain": 1 };
    for (const [license, got] of Object.entries(expected)) {
      const outcome = await collect("--urls", "list.csv", "--out", license, "--license", license, "--json");
      expect(resultsOf(outcome)[0], license).toMatchObject({ got, refused: 5 - got });
    }
    internet.requests.length = 0;
    // Taken back: they were refused unasked.
    const outcome = await collect("--urls", "list.csv", "--out", "cc", "--retry", "license", "--json");
    expect(resultsOf(outcome)[0]).toMatchObject({ got: 5, refused: 0 });
    expect(internet.requests).toHaveLength(2);
  });

  test("lists of addresses: text files named after a class, lines that are none", async () => {
    internet = await fakeInternet(() => []);
    const lines = [
      "# mine",
      internet.photo("ok/1.jpg"),
      "",
      "no address",
      internet.photo("gone/1.jpg"),
      "http://127.0.0.1:1/",
      "http://10.0.0.1/a.jpg",
    ];
    await writeFile(join(folder, "Hamster wheel.txt"), `\uFEFF${lines.join("\n")}`);
    const outcome = await collect("--urls", "Hamster wheel.txt", "--out", "data", "--json");
    expect(outcome.code).toBe(1);
    expect(resultsOf(outcome)[0]).toMatchObject({
      label: "Hamster wheel",
      got: 1,
      statuses: { ok: 1, dead: 2, "network-error": 1, "blocked-address": 1 },
    });
  });

  test("a folder that one has: copied, with what it knows; the folder itself stays as it was", async () => {
    internet = await fakeInternet(() => []);
    for (const label of ["Alpha", "Beta"]) {
      await mkdir(join(folder, "mine", label), { recursive: true });
      for (const id of [1, 2, 3])
        await writeFile(join(folder, "mine", label, `${id}.JPG`), await photoBytes(id + (label === "Beta" ? 2 : 0)));
    }
    await writeFile(join(folder, "mine", "Alpha", "broken.jpg"), "none");
    await writeFile(
      join(folder, "mine", "metadata.jsonl"),
      '{"file_name":"Alpha/1.JPG","license":"CC BY 4.0","creator":"Ann","url":"https://example.org/1.jpg"}\n',
    );
    const before = await filesOf("mine");
    const outcome = await collect("--from", "mine", "--out", "data", "--json");
    expect(outcome.code).toBe(1);
    const [alpha, beta, all] = resultsOf(outcome);
    // Beta's first is Alpha's third, and comes before it.
    expect(alpha).toMatchObject({ label: "Alpha", got: 2, dead: 1, duplicate: 1 });
    expect(beta).toMatchObject({ label: "Beta", got: 3, duplicate: 0 });
    expect(all!.conflicts).toHaveLength(1);
    expect(await filesOf("mine")).toEqual(before);
    const rows = await jsonLines("data", "metadata.jsonl");
    const mine = rows.find(({ creator }) => creator === "Ann");
    expect(mine).toMatchObject({
      license: "CC BY 4.0",
      url: "https://example.org/1.jpg",
      source: "folder",
      query: "Alpha",
    });
    // Paths of this machine are nobody's business.
    expect(JSON.stringify(rows)).not.toContain(folder);
  });

  test("--sheet shows the photos and the counts", async () => {
    internet = await fakeInternet(twoClasses((from) => range(6, "ok", from)));
    await writeClasses();
    const { code, stdout } = await collect(...ARGS, "--per-class", "4", "--sheet");
    expect(code).toBe(0);
    expect(stdout).toContain(join("data", "sheet.html"));
    const page = await readFile(join(folder, "data", "sheet.html"), "utf8");
    expect(page.match(/data:image\/jpeg/g)).toHaveLength(8);
    expect(page).toContain("What was collected");
    expect((await collect(...ARGS, "--per-class", "4", "--sheet", "Gamma")).stderr).toContain(
      "one of Alpha, Бета for `--sheet`",
    );
  });
});

describe("what it refuses", () => {
  test.each([
    ["no folder", [], /for `--out` but received nothing/],
    ["a class list that is not there", ["--out", "data", "--classes", "none.txt"], /FILE_NOT_FOUND/],
    ["an empty class list", ["--out", "data", "--classes", "empty.txt"], /at least one class/],
    ["a class with a slash", ["--out", "data", "--classes", "slash.txt"], /line 2.*a name with a slash \(a\/b\)/],
    ["a class that climbs", ["--out", "data", "--classes", "climb.txt"], /a name that begins with a dot/],
    ["a class called as a file of ours", ["--out", "data", "--classes", "ours.txt"], /the name of a file beside/],
    ["a sheet that is another page", ["--out", "page", "--sheet"], /an earlier sheet for `--sheet`/],
    ["a class twice", ["--out", "data", "--classes", "twice.txt"], /every class once .* but received ALPHA twice/],
    [
      "an unknown source",
      ["--out", "data", "--source", "bing"],
      /one of openverse, wikimedia, duckduckgo, urls, folder/,
    ],
    ["an unknown status", ["--out", "data", "--retry", "tomorrow"], /some of dead, unknown-host/],
    ["a retry of what is there", ["--out", "data", "--retry", "ok"], /for `--retry` but received ok/],
    ["no photos per class", ["--out", "data", "--per-class", "0"], /from 1 to 1000000 for `--per-class`/],
    [
      "a licence that duckduckgo does not know",
      ["--out", "d", "--source", "duckduckgo", "--license", "cc"],
      /knows no licences/,
    ],
    ["a contact that breaks the header", ["--out", "data", "--contact", "a@b.c\r\nX: y"], /a mail or web address/],
    ["a source without its list", ["--out", "data", "--source", "urls"], /a list for --source urls/],
    ["a file as the folder", ["--out", "empty.txt"], /COLLECT_FOLDER.*|received a file/],
    ["a project as the folder", ["--out", "project"], /one with package\.json in it/],
    ["a home directory", ["--out", "home"], /one with \.bashrc in it/],
    ["folders of something else", ["--out", "others"], /one with docs\/letter\.txt in it/],
    ["a file where a class goes", ["--out", "blocked", "--classes", "ok.txt"], /one with a file called Alpha/],
  ] as const)("%s", async (_, args, message) => {
    internet = await fakeInternet(() => ["ok/1.jpg"]);
    const files: Record<string, string> = {
      "empty.txt": "# none\n",
      "ok.txt": "Alpha\n",
      "slash.txt": "Alpha\na/b\n",
      "climb.txt": "..\n",
      "ours.txt": "Credits.md\n",
      "page/sheet.html": "<title>Mine</title>",
      "twice.txt": "Alpha\nALPHA\n",
      "project/package.json": "{}",
      "home/.bashrc": "",
      "others/docs/letter.txt": "",
      "blocked/Alpha": "",
    };
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(folder, name, ".."), { recursive: true });
      await writeFile(join(folder, name), text);
    }
    const before = await readdir(folder, { recursive: true });
    const { code, stdout, stderr } = await collect(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^ballsight: expected .*\n$/);
    expect(stderr).toMatch(message);
    expect(await readdir(folder, { recursive: true })).toEqual(before);
    expect(internet.requests).toEqual([]);
  });

  test("a folder that another process collects into", async () => {
    internet = await fakeInternet(() => ["ok/1.jpg"]);
    await writeClasses();
    await mkdir(join(folder, "data", ".collect"), { recursive: true });
    const holder = JSON.stringify({ pid: process.pid, host: hostname(), started: null });
    await writeFile(join(folder, "data", ".collect", "lock"), holder);
    const { code, stderr } = await collect(...ARGS);
    expect(code).toBe(2);
    expect(stderr).toContain(`one that process ${process.pid} changes`);
    expect(internet.requests).toEqual([]);
  });

  test("a ledger's line leads nowhere but into a class's folder", async () => {
    internet = await fakeInternet(() => []);
    await writeClasses("Alpha\n");
    const incoming = join(folder, "data", ".collect", "incoming");
    await mkdir(incoming, { recursive: true });
    const bytes = await photoBytes(1);
    const hash = sha256(bytes);
    const name = `${hash.slice(0, 16)}.jpg`;
    const wrong = [
      "../out.jpg",
      `../${name}`,
      `..\\${name}`,
      `a/b/${name}`,
      `.git/${name}`,
      `Beta/${name}`,
      "Alpha/x.jpg",
      7,
    ];
    const lines = [...wrong, `Alpha/${hash.slice(0, 16)}.js`, `Alpha/${name}`].flatMap((file, i) => {
      const label = typeof file === "string" && i < 5 ? file.split("/").slice(0, -1).join("/") : "Alpha";
      const found = { event: "found", label, url: internet.photo(`gone/${i}.jpg`), source: "openverse", query: "q" };
      return [found, { event: "done", label, url: found.url, status: "ok", file, sha256: hash, width: 1, height: 1 }];
    });
    const text = [
      { event: "begin", program: "ballsight collect", version: 1 },
      ...lines.slice(0, -2),
      { event: "done" },
    ];
    const write = (all: readonly object[]) =>
      writeFile(join(incoming, "..", "ledger.jsonl"), all.map((line) => `${JSON.stringify(line)}\n`).join(""));
    for (const isRight of [false, true]) {
      await mkdir(incoming, { recursive: true });
      await writeFile(join(incoming, "x.part"), bytes);
      await write(isRight ? [...text, ...lines.slice(-2)] : text);
      const { stderr } = await collect(...ARGS, "--source", "openverse", "--per-class", "1");
      expect(stderr).toBe("");
      expect(await readdir(folder)).toEqual(["classes.txt", "data"]);
      expect(await filesOf("data")).toEqual(isRight ? [`Alpha/${name}`, "CREDITS.md", "metadata.jsonl"] : []);
    }
  });

  test("a ledger of something else stays as it was; a torn line is told of and made good", async () => {
    internet = await fakeInternet(twoClasses((from) => range(12, "ok", from)));
    await writeClasses("Alpha\n");
    const ledger = join(folder, "data", ".collect", "ledger.jsonl");
    await mkdir(join(folder, "data", ".collect"), { recursive: true });
    for (const text of ["something else\n", '{"event":"begin","program":"ballsight collect","version":2}\n']) {
      await writeFile(ledger, text);
      const { code, stderr } = await collect(...ARGS);
      expect(code).toBe(2);
      expect(stderr).toContain("LEDGER_INVALID");
      expect(await readFile(ledger, "utf8")).toBe(text);
    }
    await rm(ledger);
    expect((await collect(...ARGS, "--per-class", "3")).code).toBe(0);
    const whole = await readFile(ledger, "utf8");
    await writeFile(ledger, whole.slice(0, -40));
    const torn = await readFile(ledger, "utf8");
    const { code, stderr } = await collect(...ARGS, "--per-class", "5");
    expect(stderr).toBe(
      "ballsight: 1 line of the ledger is torn, by a kill or a full disk; what is missing is asked for again\n",
    );
    expect(code).toBe(0);
    expect(await photosOf("data")).toHaveLength(5);
    expect((await readFile(ledger, "utf8")).startsWith(`${torn}\n{"event":`)).toBe(true);
  });
});

describe("services that refuse", () => {
  const service = (name: string, answer: (url: URL) => [number, string, Record<string, string>?]) => {
    internet.intercept = (_, response, url) => {
      if (!url.pathname.startsWith(`/${name}/`)) return false;
      const [status, text, headers] = answer(url);
      response.writeHead(status, headers).end(text);
      return true;
    };
  };

  test("one stops, the other fills the classes, and the line says why", async () => {
    internet = await fakeInternet(twoClasses((from) => range(30, "ok", from)));
    await writeClasses();
    service("openverse", () => [429, "Request was throttled.", { "retry-after": "40000" }]);
    const { code, stdout, stderr } = await collect(...ARGS, "--per-class", "20");
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^ballsight: expected photos of `openverse` but received too many questions \(status 429\); it is asked again from (?:\d+ \w+, )?\d\d:\d\d on\n$/,
    );
    expect(stdout).toContain("openverse   stopped: too many questions (status 429)");
    // Nor is it asked by the next run, as long as that holds.
    internet.requests.length = 0;
    const next = await collect(...ARGS, "--per-class", "25");
    expect(next.stderr).toContain("(an earlier run was refused)");
    expect(internet.requests.filter((path) => path.startsWith("/openverse/"))).toEqual([]);
  });

  test.each([
    ["a challenge", () => [202, "<html>anomaly</html>"], "a question whether a person asks (status 202)"],
    ["a refusal", () => [403, ""], "no (status 403)"],
    ["too many questions", () => [429, ""], "too many questions (status 429); it is asked again from"],
    ["a fault", () => [500, ""], "a fault of its own (status 500); it is asked again from"],
    ["a page without a token", () => [200, "<html>new design</html>"], "a page without the token"],
    [
      "a page where photos should be",
      (url: URL) => (url.pathname.endsWith("i.js") ? [200, "<html>no</html>"] : [200, 'vqd="4-1"']),
      "an answer that is no list of photos",
    ],
    ["a question instead of photos", () => [200, '<div class="anomaly-modal">'], "a question whether a person asks"],
  ] as const)("duckduckgo: %s", async (_, answer, words) => {
    internet = await fakeInternet(() => range(5, "ok"));
    await writeClasses("Alpha\n");
    service("duckduckgo", answer as (url: URL) => [number, string]);
    const outcome = await collect(...ARGS, "--source", "duckduckgo");
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain(`received ${words}`);
    expect(outcome.stderr.trimEnd().split("\n")).toHaveLength(1);
    // One no is enough, and lasts ten minutes.
    expect(internet.requests.length).toBeLessThanOrEqual(outcome.stderr.includes("no list") ? 2 : 1);
    const stopped = (await jsonLines("data", ".collect/ledger.jsonl")).find(({ event }) => event === "stopped");
    expect(Date.parse(stopped?.until as string) - Date.parse(stopped?.at as string)).toBeCloseTo(600_000, -4);
  });

  test("duckduckgo: five pages, the token taken once, then other layouts", async () => {
    internet = await fakeInternet((_, query) => {
      if (query.includes("layout:Square")) return range(50, "ok", 1000);
      return query.includes("layout:") || query.includes("size:") ? [] : range(700, "gone");
    });
    await writeClasses("Alpha\n");
    const outcome = await collect(...ARGS, "--source", "duckduckgo", "--per-class", "40", "--json");
    expect(resultsOf(outcome)[0]).toMatchObject({ got: 40, dead: 500 });
    const searches = internet.requests.filter((path) => path.startsWith("/duckduckgo/"));
    expect(searches.filter((path) => !path.includes("i.js"))).toHaveLength(2);
    const places = searches
      .filter((path) => path.includes("i.js"))
      .map((path) => new URL(path, internet.origin).searchParams);
    const first = places
      .slice(0, 5)
      .map((parameters) => [parameters.get("q"), parameters.get("s"), parameters.get("f")]);
    expect(first).toEqual([null, "100", "200", "300", "400"].map((s) => ["Alpha", s, ",,,type:photo,,"]));
    expect((await jsonLines("data", "metadata.jsonl"))[0]).not.toHaveProperty("license");
    expect(await readFile(join(folder, "data", "CREDITS.md"), "utf8")).toContain("40 photos have no known licence");
  });

  test("openverse: where a question is deeper than it gives, its licences one by one", async () => {
    internet = await fakeInternet((service, query) => {
      if (service !== "openverse") return [];
      const license = /\blicense:(\S+)/.exec(query)?.[1];
      if (license === undefined) return /aspect|size:/.test(query) ? [] : range(400, "gone");
      return license === "by-sa" ? range(30, "ok", 2000) : [];
    });
    await writeClasses("Alpha\n");
    const args = [...ARGS, "--source", "openverse", "--per-class", "25"];
    expect((await collect(...args)).code).toBe(0);
    const asked = internet.requests
      .filter((path) => path.startsWith("/openverse/"))
      .map((path) => new URL(path, internet.origin).searchParams.get("license"));
    // 12 pages of each of the two phrases, five shapes and sizes of both, then licences.
    expect(asked.slice(34, 37)).toEqual(["by", "by", "by-sa"]);
    const commercial = await collect(...args.with(3, "other"), "--license", "commercial");
    expect(commercial.code).toBe(0);
    const types = internet.requests.map((path) => new URL(path, internet.origin).searchParams);
    expect(types.some((parameters) => parameters.get("license_type") === "commercial")).toBe(true);
    // A licence stands for the type that it is one of.
    expect(types.some((parameters) => parameters.has("license_type") && parameters.has("license"))).toBe(false);
  });

  describe("openverse with an account", () => {
    const account = { BALLSIGHT_OPENVERSE_CLIENT_ID: "me", BALLSIGHT_OPENVERSE_CLIENT_SECRET: "s&cret=" };
    const forms: string[] = [];
    const tokens: unknown[] = [];

    /** Gives out tokens that hold for so many questions. */
    const giveTokens = (each: number) => {
      forms.length = 0;
      tokens.length = 0;
      let left = 0;
      internet.intercept = (request, response, url) => {
        if (!url.pathname.startsWith("/openverse/")) return false;
        if (url.pathname === "/openverse/v1/auth_tokens/token/") {
          let form = `${request.method} ${request.headers["content-type"]} `;
          request.on("data", (chunk) => (form += chunk)).on("end", () => forms.push(form));
          left = each;
          const token = {
            access_token: `token-${forms.length}`,
            expires_in: 36000,
            token_type: "Bearer",
            scope: "read",
          };
          response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(token));
          return true;
        }
        tokens.push(request.headers.authorization);
        if (left-- > 0) return false;
        response.writeHead(401).end('{"detail":"Authentication credentials were not provided."}');
        return true;
      };
    };

    test("a token by its form, larger pages, a new token when one is over", async () => {
      internet = await fakeInternet((_, query) => (query.includes(":") ? [] : range(300, "gone")));
      await writeClasses("Alpha: alpha\n");
      giveTokens(3);
      const args = [...ARGS, "--source", "openverse", "--per-class", "5", "--json"];
      const outcome = await start(args, account).outcome;
      expect(outcome.stderr).toBe("");
      expect(resultsOf(outcome)[0]).toMatchObject({ got: 0, dead: 240 });
      const form = "grant_type=client_credentials&client_id=me&client_secret=s%26cret%3D";
      expect(new Set(forms)).toEqual(new Set([`POST application/x-www-form-urlencoded ${form}`]));
      expect(tokens.slice(0, 5)).toEqual(
        ["token-0", "token-0", "token-0", "token-0", "token-1"].map((t) => `Bearer ${t}`),
      );
      const pages = internet.requests.filter((path) => path.includes("page_size=48"));
      expect(pages.filter((path) => !path.includes("aspect")).length).toBeGreaterThanOrEqual(5);
      expect(internet.requests.some((path) => path.includes("page_size=20"))).toBe(false);
      const ledger = await readFile(join(folder, "data", ".collect", "ledger.jsonl"), "utf8");
      expect(ledger + outcome.stdout).not.toMatch(/token-|cret/);
    });

    test("a run without one goes on where the run with it stopped", async () => {
      internet = await fakeInternet((_, query) => (query.includes(":") ? [] : range(240, "ok")));
      await writeClasses("Alpha: alpha\n");
      giveTokens(100);
      const args = [...ARGS, "--source", "openverse", "--json"];
      expect((await start([...args, "--per-class", "90"], account).outcome).code).toBe(0);
      internet.intercept = undefined;
      const before = internet.requests.length;
      expect((await collect(...args, "--per-class", "200")).code).toBe(0);
      const pages = internet.requests.slice(before).filter((path) => path.startsWith("/openverse/"));
      // Two or more pages of 48 lie behind.
      expect(pages[0]).toMatch(/[?&]page=[5-9]&page_size=20&/);
    });

    test("an account that is refused, and half of one", async () => {
      internet = await fakeInternet(() => range(5, "ok"));
      await writeClasses("Alpha\n");
      service("openverse", () => [401, '{"error":"invalid_client"}']);
      const args = [...ARGS, "--source", "openverse"];
      const refused = await start(args, account).outcome;
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain(
        "no token for this account (status 401, invalid_client; see BALLSIGHT_OPENVERSE_CLIENT_ID)",
      );
      const half = await start([...args, "--out", "half"], { BALLSIGHT_OPENVERSE_CLIENT_ID: "me" }).outcome;
      expect(half).toMatchObject({ code: 2, stdout: "" });
      expect(half.stderr).toContain("for `BALLSIGHT_OPENVERSE_CLIENT_SECRET` but received nothing");
      expect(await readdir(folder)).not.toContain("half");
    });
  });

  test("no network: a line per service, no photos, and the folder can be used later", async () => {
    internet = await fakeInternet(twoClasses((from) => range(9, "ok", from)));
    await writeClasses();
    internet.intercept = (_, response) => {
      response.destroy();
      return true;
    };
    const { code, stderr } = await collect(...ARGS, "--per-class", "4");
    expect(code).toBe(1);
    expect(stderr).toMatch(/`openverse` but received no answer \(.+\); go on later with the same command/);
    expect(stderr).toMatch(/`wikimedia` but received no answer/);
    internet.intercept = undefined;
    expect((await collect(...ARGS, "--per-class", "4")).code).toBe(0);
    expect(await photosOf("data")).toHaveLength(8);
  });

  test("wikimedia lags, errs, answers nonsense", async () => {
    internet = await fakeInternet(twoClasses((from) => range(9, "ok", from)));
    await writeClasses("Alpha\n");
    const args = [...ARGS, "--source", "wikimedia", "--per-class", "4"];
    service("wikimedia", () => [200, '{"error":{"code":"badvalue","info":"no <b>such</b> value"}}']);
    expect((await collect(...args)).stderr).toContain("received error badvalue (no such value)");
    service("wikimedia", () => [200, "<html>maintenance</html>"]);
    expect((await collect(...args)).stderr).toContain("received an answer that is not the one of its documentation");
    let lags = 2;
    internet.intercept = (_, response, url) => {
      if (!url.pathname.startsWith("/wikimedia/") || lags-- <= 0) return false;
      response
        .writeHead(200, { "retry-after": "0" })
        .end('{"error":{"code":"maxlag","info":"Waiting for a database"}}');
      return true;
    };
    expect((await collect(...args)).code).toBe(0);
  });
});

describe("kill -9", () => {
  /** Faults that depend on the address alone; copies within a class and across. */
  const catalog: Catalog = twoClasses((from) =>
    Array.from({ length: 90 }, (_, i) => {
      const kinds: Readonly<Record<number, string>> = {
        3: "gone",
        5: "page",
        7: "truncated",
        11: "small",
        13: "optout",
      };
      if (i % 17 === 6) return `recoded/${from + i - 6}.jpg`;
      if (i % 17 === 8) return `mirrored/${(from + i) % 5000}.jpg`;
      return `${kinds[i % 17] ?? "ok"}/${i % 17 === 2 ? (from + i) % 5000 : from + i}.jpg`;
    }),
  );
  const args = [...ARGS, "--per-class", "80"];

  test("at twenty moments ends with the same photos as without", async () => {
    internet = await fakeInternet(catalog);
    await writeClasses();
    const whole = await collect(...args, "--json");
    expect(whole.code, whole.stderr).toBe(0);
    const reference = { photos: await photosOf("data"), origins: await origins("data") };
    await rename(join(folder, "data"), join(folder, "reference"));

    const random = xorshift(20261123);
    for (let kills = 0; kills < 20; kills++) {
      const { child, outcome } = start(args);
      // Counted in requests, not in seconds: a slow machine is killed at the same places. Some 240 are needed in all.
      let left = 1 + Math.floor(random() * 16);
      internet.intercept = () => {
        if (--left === 0) child.kill("SIGKILL");
        return false;
      };
      expect((await outcome).code).toBe(null);
      internet.intercept = undefined;
      // Whatever has a name in the data set is whole.
      for (const name of await photosOf("data")) {
        const bytes = await readFile(join(folder, "data", name));
        expect(name).toContain(sha256(bytes).slice(0, 16));
      }
    }
    internet.intercept = undefined;
    const mended = await collect(...args, "--json");
    expect(mended.code).toBe(0);
    // All but what this run alone did.
    const counts = (outcome: Outcome) =>
      resultsOf(outcome)
        .slice(0, 2)
        .map(({ added: _, left: __, ...rest }) => rest);
    expect(counts(mended)).toEqual(counts(whole));
    expect(await photosOf("data")).toEqual(reference.photos);
    expect(await origins("data")).toEqual(reference.origins);
    expect(await readFile(join(folder, "data", "CREDITS.md"), "utf8")).toBe(
      await readFile(join(folder, "reference", "CREDITS.md"), "utf8"),
    );
    expect(await readdir(join(folder, "data", ".collect"))).toEqual(["ledger.jsonl"]);
  }, 300_000);

  const origins = async (data: string) =>
    new Map((await jsonLines(data, "metadata.jsonl")).map(({ file_name, url }) => [file_name, url]));

  test("between a photo's line in the ledger and its place in the folder", async () => {
    internet = await fakeInternet(twoClasses((from) => range(9, "ok", from)));
    await writeClasses("Alpha\n");
    expect((await collect(...ARGS, "--per-class", "5")).code).toBe(0);
    const photos = await photosOf("data");
    const incoming = join(folder, "data", ".collect", "incoming");
    await mkdir(incoming);
    await rename(join(folder, "data", photos[2]!), join(incoming, "whole.part"));
    await writeFile(join(incoming, "half.part"), (await photoBytes(70)).subarray(0, 300));
    internet.requests.length = 0;
    expect((await collect(...ARGS, "--per-class", "5")).code).toBe(0);
    expect(await photosOf("data")).toEqual(photos);
    expect(internet.requests).toEqual([]);
    expect(await readdir(join(folder, "data", ".collect"))).toEqual(["ledger.jsonl"]);
  });

  test("in a run with --retry, whose photos a plain run then knows", async () => {
    internet = await fakeInternet(twoClasses((from) => [...range(2, "ok", from), ...range(2, "error", from + 10)]));
    await writeClasses("Alpha\n");
    const args = [...ARGS, "--per-class", "9", "--source", "openverse"];
    expect((await collect(...args)).code).toBe(1);
    internet.intercept = (_, response, url) => {
      if (!url.pathname.startsWith("/photo/error/")) return false;
      void photoBytes(Number(/(\d+)\.jpg/.exec(url.pathname)![1])).then((bytes) => response.writeHead(200).end(bytes));
      return true;
    };
    await collect(...args, "--retry", "server-error");
    const photos = await photosOf("data");
    expect(photos).toHaveLength(4);
    // As a kill leaves it: no row yet, and one photo between its line and its place.
    const data = join(folder, "data");
    for (const name of ["metadata.jsonl", "CREDITS.md"]) await rm(join(data, name));
    await mkdir(join(data, ".collect", "incoming"));
    await rename(join(data, await nameOf("Alpha", 10)), join(data, ".collect", "incoming", "whole.part"));
    await collect(...args);
    expect(await photosOf("data")).toEqual(photos);
    const rows = await jsonLines("data", "metadata.jsonl");
    expect(rows.map(({ file_name }) => file_name).sort()).toEqual(photos);
    expect(await readFile(join(data, "CREDITS.md"), "utf8")).toContain(await nameOf("Alpha", 11));
  });

  test("Ctrl-C stops with everything written, and the same command goes on", async () => {
    internet = await fakeInternet(twoClasses((from) => range(60, "ok", from)));
    await writeClasses();
    const { child, outcome } = start([...ARGS, "--per-class", "100"]);
    let asked = 0;
    internet.intercept = () => {
      if (++asked === 180) child.kill("SIGINT");
      return false;
    };
    const { code, stdout, stderr } = await outcome;
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "ballsight: stopping; the same command goes on from here (again to stop at once)\n",
    });
    expect(stdout).toContain("interrupted; the same command goes on from here");
    const photos = await photosOf("data");
    expect((await jsonLines("data", "metadata.jsonl")).map(({ file_name }) => file_name).sort()).toEqual(photos);
    expect(await readdir(join(folder, "data", ".collect"))).toEqual(["ledger.jsonl"]);
    internet.intercept = undefined;
    expect((await collect(...ARGS, "--per-class", "100")).code).toBe(0);
  });
});

/** Marsaglia's xorshift32, 0 to 1. */
function xorshift(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
