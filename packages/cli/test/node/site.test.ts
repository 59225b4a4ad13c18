// `ballsight site`: every file that the pages name is there, nothing is asked of elsewhere, and the folder is written whole or not at all.

import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { toyModel } from "../../../vision/test/helpers/toyModel.ts";
import { type SiteFlags, site } from "../../src/commands/site.ts";
import { listFiles } from "../../src/site/folder.ts";
import { picture, snapshot } from "../helpers/dataset.ts";

let root: string;
let out: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "ballsight-site-"));
  out = join(root, "site");
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(root, { recursive: true });
});

const write = (flags: SiteFlags = {}) => site({ out, ...flags });
const read = (name: string) => readFile(join(out, name), "utf8");
const config = async () => JSON.parse(await read("ballsight.json"));

async function writeModel(labels: readonly string[]): Promise<string> {
  const file = join(root, "toy.onnx");
  await writeFile(file, toyModel({ metadata: { "ballsight.labels": JSON.stringify(labels) } }));
  return file;
}

describe("what is in it", () => {
  test("every address in the pages is relative and leads to a file; every page has a strict policy", async () => {
    expect(await write()).toBe(0);
    const files = new Set(await listFiles(out));
    for (const page of ["index.html", "recognizer.html", "card.html"]) {
      const html = await read(page);
      const addresses = [...html.matchAll(/(?:href|src)="([^"]*)"/g)].map((match) => match[1]!);
      expect(addresses.length).toBeGreaterThan(2);
      for (const address of addresses.filter((address) => address !== "data:,")) {
        expect(address, page).not.toMatch(/^(\/|\w+:)/);
        expect(files, page).toContain(address.replace(/^\.\//, "").replace(/\?.*$/, ""));
      }
      const policy = /http-equiv="Content-Security-Policy"\s+content="([^"]*)"/
        .exec(html)?.[1]
        ?.replaceAll("&#39;", "'");
      expect(policy, page).toMatch(/^default-src 'none';/);
      expect(policy, page).not.toMatch(/unsafe-inline|unsafe-eval'(?<!wasm-unsafe-eval')|https?:|\*/);
      // Neither scripts nor styles stand in the page: the policy would not let them.
      expect(html, page).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
    }
    const { model, examples, api, labels, links } = await config();
    expect(api).toBeNull();
    expect(labels).toHaveLength(10);
    expect(examples).toHaveLength(10);
    const named = [model.url, ...[...examples, ...links].map(({ file, href }) => file ?? href)];
    for (const address of named) expect(files).toContain(address.replace(/\?.*$/, ""));
    expect(model.bytes).toBe((await readFile(join(out, "model.onnx"))).length);

    const offline = JSON.parse(await read("files.json")).files as string[];
    for (const file of offline) expect(files).toContain(file);
    expect(offline).toEqual(expect.arrayContaining(["index.html", "recognizer.html", "card.html", "ballsight.json"]));
    // Pages of a branch are built by Jekyll, which drops names with an underscore.
    expect(files).toContain(".nojekyll");
  });

  test("the home page says what the model knows and how well; the card has its figures", async () => {
    await write({ title: "Balls & co" });
    const [home, card] = await Promise.all([read("index.html"), read("card.html")]);
    expect(home).toContain("<title>Balls &amp; co</title>");
    for (const label of (await config()).labels) expect(home).toContain(`<span>${label}</span>`);
    expect(home).toContain("96.6\u00a0% of 497 photos right");
    expect(card).toContain(
      '<th scope="row">Baseball</th><td>100.0\u00a0%</td><td>95.0\u00a0%</td><td>97.4\u00a0%</td><td>40</td>',
    );
    expect(await read("recognizer.html")).toContain("<title>Balls &#38; co</title>");
  });

  test("the workflow publishes the folder with the permissions that Pages needs", async () => {
    await write();
    const workflow = await read(".github/workflows/pages.yml");
    for (const part of ["pages: write", "id-token: write", "upload-pages-artifact@", "deploy-pages@", "path: ."])
      expect(workflow).toContain(part);
  });

  test("with an API the recogniser alone may call it, and no other host", async () => {
    await write({ api: "https://user-balls.hf.space/app", corrections: "https://example.org/c?x=1", threshold: "0.7" });
    expect(await read("recognizer.html")).toContain(
      "connect-src 'self' https://user-balls.hf.space https://example.org;",
    );
    expect(await read("index.html")).toContain("Photos are sent to user-balls.hf.space");
    expect(await config()).toMatchObject({
      api: "https://user-balls.hf.space/app",
      corrections: "https://example.org/c?x=1",
      threshold: 0.7,
    });
  });

  test("names of a model's labels are words, whatever they look like", async () => {
    const labels = ["<img src=x onerror=alert(1)>", "../../etc/passwd", "Golf"];
    await write({ model: await writeModel(labels) });
    expect((await config()).labels).toEqual(labels);
    // Golf has a picture here; the others have none, and bring none.
    expect((await config()).examples).toEqual([{ file: "examples/Golf.jpg", label: "Golf" }]);
    const home = await read("index.html");
    expect(home).toContain("&lt;img src=x onerror=alert(1)&gt;");
    expect(home).not.toContain("<img src=x");
    expect(await read("card.html")).toContain("says nothing about its accuracy");
  });

  test("pictures of one's own are scaled, lose their EXIF, and are named by folder or file", async () => {
    const photos = join(root, "photos");
    await mkdir(join(photos, "Red"), { recursive: true });
    const large = await picture("Golf", 1, 64)
      .resize(1600, 900)
      .jpeg()
      .withExif({ IFD0: { Copyright: "secret place" } })
      .toBuffer();
    await writeFile(join(photos, "Red", "a.jpg"), large);
    await writeFile(join(photos, "Blue-2.png"), await picture("Tennis", 1).png().toBuffer());
    await writeFile(join(photos, "notes.txt"), "no picture");
    await write({ model: await writeModel(["Blue", "Green", "Red"]), examples: photos });
    const { examples } = await config();
    expect(examples.map(({ label }: { label: string }) => label)).toEqual(["Blue", "Red"]);
    const red = await readFile(join(out, examples[1].file));
    expect(await sharp(red).metadata()).toMatchObject({ width: 512, height: 288, format: "jpeg" });
    expect(red.includes("secret place")).toBe(false);
  });

  test("of class folders each label has its turn; those that the model does not know are named", async () => {
    const photos = join(root, "photos");
    const jpeg = await picture("Golf", 1, 16).jpeg().toBuffer();
    for (const [label, count] of Object.entries({ Blue: 30, Green: 3, Other: 30 })) {
      await mkdir(join(photos, label), { recursive: true });
      for (let i = 0; i < count; i++) await writeFile(join(photos, label, `${String(i).padStart(2, "0")}.jpg`), jpeg);
    }
    const warned = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    await write({ model: await writeModel(["Blue", "Green", "Red"]), examples: photos });
    const { examples } = (await config()) as { examples: { label: string }[] };
    const count = (label: string) => examples.filter((example) => example.label === label).length;
    expect([count("Blue"), count("Green"), count("Other")]).toEqual([11, 3, 10]);
    expect(warned.mock.calls.join()).toMatch(/no label Other\b/);
  });
});

describe("whole or not at all", () => {
  test("again: what it wrote is replaced, a repository and a domain stay", async () => {
    await write({ title: "First" });
    await mkdir(join(out, ".git"));
    await Promise.all([writeFile(join(out, ".git", "HEAD"), "ref"), writeFile(join(out, "CNAME"), "balls.example")]);
    await write({ title: "Second" });
    expect((await config()).title).toBe("Second");
    expect([await read(".git/HEAD"), await read("CNAME")]).toEqual(["ref", "balls.example"]);
    expect(await readdir(root)).toEqual(["site"]);
  });

  test.each([
    [
      "a folder of somebody's",
      async () => mkdir(join(out)).then(() => writeFile(join(out, "thesis.tex"), "x")),
      "thesis.tex",
    ],
    [
      "a site with a file more",
      async () => write().then(() => writeFile(join(out, "assets", "mine.js"), "x")),
      "assets/mine.js",
    ],
    ["a file", async () => writeFile(out, "x"), "a file"],
    [
      "a folder with a forged mark",
      async () =>
        mkdir(out)
          .then(() => writeFile(join(out, ".ballsight.json"), "[1"))
          .then(() => writeFile(join(out, "index.html"), "")),
      "index.html",
    ],
  ])("refuses %s and touches nothing", async (_, prepare, found) => {
    await prepare();
    const before = await snapshot(root);
    await expect(write()).rejects.toMatchObject({ code: "SITE_FOLDER", message: expect.stringContaining(found) });
    expect(await snapshot(root)).toEqual(before);
  });

  test("a failure half-way leaves the site that was there, and nothing beside it", async () => {
    await write();
    const before = await snapshot(root);
    const photos = join(root, "photos");
    await mkdir(photos);
    await writeFile(join(photos, "bad.jpg"), "no picture");
    await expect(write({ examples: photos })).rejects.toMatchObject({ code: "NOT_AN_IMAGE" });
    await rm(photos, { recursive: true });
    expect(await snapshot(root)).toEqual(before);
    expect(await readdir(root)).toEqual(["site"]);
  });

  test("a kill between two renames: the next run finds the old folder, its repository too", async () => {
    await write();
    await mkdir(join(out, ".git"));
    await writeFile(join(out, ".git", "HEAD"), "ref");
    // As `swap` leaves it after its first rename, and after its second.
    const old = join(root, ".site.ballsight-old");
    await rename(out, old);
    await write({ title: "After" });
    expect([await read(".git/HEAD"), (await config()).title]).toEqual(["ref", "After"]);
    await mkdir(old);
    await rename(join(out, ".git"), join(old, ".git"));
    await write();
    expect(await read(".git/HEAD")).toBe("ref");
    expect(await readdir(root)).toEqual(["site"]);
  });
});

test.each<[SiteFlags, string]>([
  [{ api: "user-balls.hf.space" }, "--api"],
  [{ api: "ftp://example.org" }, "--api"],
  [{ api: "https://me:secret@example.org" }, "--api"],
  [{ corrections: "javascript:alert(1)" }, "--corrections"],
  [{ threshold: "2" }, "--threshold"],
  [{ threshold: "" }, "--threshold"],
])("refuses %o", async (flags, option) => {
  await expect(write(flags)).rejects.toMatchObject({ code: "BAD_OPTION", message: expect.stringContaining(option) });
  expect(await readdir(root)).toEqual([]);
});

test("refuses a model that is none, and one that is not there", async () => {
  await writeFile(join(root, "text.onnx"), "words");
  await expect(write({ model: join(root, "text.onnx") })).rejects.toMatchObject({ code: "MODEL_INVALID" });
  await expect(write({ model: join(root, "none.onnx") })).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
  await expect(site({})).rejects.toMatchObject({ code: "BAD_OPTION" });
  expect(await readdir(root)).toEqual(["text.onnx"]);
});
