// The photo cache on real files: pixels, bad photos, kills, full disks, and that nothing is decoded twice.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { RgbPhoto } from "@ballsight/vision";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cacheFor, cacheRoot } from "../../src/data/cacheFolder.ts";
import { readDataset } from "../../src/data/dataset.ts";
import { squish } from "../../src/data/fillCache.ts";
import { openPhotoCache, type PhotoCacheOptions } from "../../src/data/photoCache.ts";

// Set by a test: the room that the disk says it has, and whether packed files can still be written.
let freeBytes: number | undefined;
let diskFull = false;

vi.mock("node:fs/promises", async (importOriginal) => {
  const real = await importOriginal<typeof fs>();
  return {
    ...real,
    statfs: async (path: string) =>
      freeBytes === undefined ? await real.statfs(path) : { bavail: freeBytes / 4096, bsize: 4096 },
    open: async (...args: Parameters<typeof real.open>) => {
      const handle = await real.open(...args);
      if (!diskFull || !String(args[0]).includes(".bin")) return handle;
      const write = async () => {
        throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
      };
      return Object.assign(handle, { write });
    },
  };
});

let dir = "";
let data = "";
let cacheDir = "";

beforeEach(async () => {
  freeBytes = undefined;
  diskFull = false;
  dir = await fs.mkdtemp(join(tmpdir(), "ballsight-cache-"));
  data = join(dir, "data");
  cacheDir = join(dir, "cache");
});
afterEach(() => fs.rm(dir, { recursive: true, force: true }));

/** One flat colour as PNG, so that pixels are exact. */
async function photo(path: string, rgb: readonly [number, number, number], width = 40, height = 20): Promise<Buffer> {
  const [r, g, b] = rgb;
  const bytes = await sharp({ create: { width, height, channels: 3, background: { r, g, b } } })
    .png()
    .toBuffer();
  await fs.mkdir(join(data, path, ".."), { recursive: true });
  await fs.writeFile(join(data, path), bytes);
  return bytes;
}

// Stands for the model's resize: its first pixel everywhere, so that it is told from the squares.
const evaluate = (seen: RgbPhoto) => Uint8Array.from({ length: 4 * 4 * 3 }, (_, i) => 255 - seen.data[i % 3]!);

async function open(options: Partial<PhotoCacheOptions> = {}) {
  const dataset = options.dataset ?? (await readDataset(data));
  const preprocess = { size: 4, resize: 5 };
  return await openPhotoCache({ dataset, cacheSizes: [8], preprocess, evaluate, cacheDir, ...options });
}

const flat = (rgb: readonly number[], pixels: number) => Array.from({ length: pixels * 3 }, (_, i) => rgb[i % 3]!);
const cacheFiles = async () =>
  (await fs.readdir(cacheDir, { recursive: true })).map((name) => name.split("/")[1]).sort();

describe("openPhotoCache", () => {
  it("gives the squares and the evaluation pixels of each photo, in any order", async () => {
    await photo("Мяч/1.png", [10, 20, 30]);
    await photo("Мяч/2.png", [40, 50, 60], 20, 40);
    const third = await photo("ボール/3.png", [70, 80, 90], 30, 30);
    const cache = await open();
    expect(cache.classes).toEqual(["Мяч", "ボール"]);
    expect([...cache.targets]).toEqual([0, 0, 1]);
    expect([...cache.at(8).aspects]).toEqual([2, 0.5, 1]);
    expect(cache.files[2]).toBe("ボール/3.png");
    expect([...(await cache.at(8).read([2, 0, 1, 2]))]).toEqual(
      [
        [70, 80, 90],
        [10, 20, 30],
        [40, 50, 60],
        [70, 80, 90],
      ].flatMap((rgb) => flat(rgb, 64)),
    );
    expect([...(await cache.at(8).readForEvaluation([1, 2]))]).toEqual(
      [
        [215, 205, 195],
        [185, 175, 165],
      ].flatMap((rgb) => flat(rgb, 16)),
    );
    expect(await cache.at(8).read([])).toHaveLength(0);
    await cache.close();
    expect(await cacheFiles()).toEqual([
      "evaluation-5-4.v1.bin",
      "evaluation-5-4.v1.jsonl",
      "squares-8.v1.bin",
      "squares-8.v1.jsonl",
      undefined,
    ]);
    const index = await fs.readFile(join(cacheDir, (await fs.readdir(cacheDir))[0]!, "squares-8.v1.jsonl"), "utf8");
    const sha256 = createHash("sha256").update(third).digest("hex");
    expect(index.split("\n").map((line) => line && JSON.parse(line))).toContainEqual({
      slot: 2,
      file: "ボール/3.png",
      width: 30,
      height: 30,
      sha256,
    });
  });

  it("decodes nothing the second time, and only what a new size needs", async () => {
    await photo("a/1.png", [1, 2, 3]);
    await photo("b/2.png", [4, 5, 6]);
    const counts: number[] = [];
    for (const options of [{}, {}, { preprocess: { size: 2, resize: 3 }, evaluate: () => new Uint8Array(12) }, {}]) {
      const cache = await open(options);
      counts.push(cache.decoded);
      expect([...(await cache.at(8).read([1]))]).toEqual(flat([4, 5, 6], 64));
      await cache.close();
    }
    expect(counts).toEqual([2, 0, 2, 0]);
    expect((await cacheFiles()).filter((name) => name?.endsWith(".bin"))).toEqual([
      "evaluation-3-2.v1.bin",
      "evaluation-5-4.v1.bin",
      "squares-8.v1.bin",
    ]);
  });

  it("notices a photo that was changed in place, at the same size and name", async () => {
    const bytes = await photo("a/1.png", [1, 2, 3]);
    await photo("b/2.png", [4, 5, 6]);
    const first = await open();
    await first.close();
    const other = await photo("a/1.png", [3, 2, 1]);
    expect(other.length).toBe(bytes.length);
    await fs.utimes(join(data, "a/1.png"), new Date(), new Date(Date.now() + 5000));
    const second = await open();
    expect([...(await second.at(8).read([0]))]).toEqual(flat([3, 2, 1], 64));
    expect(second.fingerprint).not.toBe(first.fingerprint);
    await second.close();
  });

  it("reports unreadable photos by name and leaves them out, in the cached pass too", async () => {
    await photo("a/1.png", [1, 2, 3]);
    await photo("a/3.png", [7, 8, 9]);
    await photo("b/2.png", [4, 5, 6]);
    await fs.writeFile(join(data, "a/2.jpg"), "this is no photo");
    await fs.writeFile(join(data, "b/1.jpg"), "");
    const png = await photo("b/3.png", [9, 9, 9], 200, 200);
    await fs.writeFile(join(data, "b/3.png"), png.subarray(0, png.length / 2));
    for (const decoded of [6, 0]) {
      const cache = await open();
      expect(cache.decoded).toBe(decoded);
      expect(cache.unreadable.map(({ file, code }) => [file, code])).toEqual([
        ["a/2.jpg", "NOT_AN_IMAGE"],
        ["b/1.jpg", "EMPTY_FILE"],
        ["b/3.png", "IMAGE_TRUNCATED"],
      ]);
      expect(cache.unreadable[0]!.message).toContain("`a/2.jpg`");
      expect(cache.files).toEqual(["a/1.png", "a/3.png", "b/2.png"]);
      expect([...cache.targets]).toEqual([0, 0, 1]);
      expect([...(await cache.at(8).read([1, 2]))]).toEqual([...flat([7, 8, 9], 64), ...flat([4, 5, 6], 64)]);
      await cache.close();
    }
  });

  it("asks again for a photo that was out of reach, not unreadable", async () => {
    await photo("a/1.png", [1, 2, 3]);
    await photo("b/2.png", [4, 5, 6]);
    await photo("b/3.png", [7, 8, 9]);
    const dataset = await readDataset(data);
    await fs.rename(join(data, "b/3.png"), join(dir, "away.png"));
    const first = await open({ dataset });
    expect(first.unreadable).toMatchObject([{ file: "b/3.png", code: "FILE_NOT_FOUND" }]);
    expect([...(await first.at(8).read([1]))]).toEqual(flat([4, 5, 6], 64));
    await first.close();
    await fs.rename(join(dir, "away.png"), join(data, "b/3.png"));
    const second = await open({ dataset });
    expect([second.decoded, second.unreadable]).toEqual([1, []]);
    expect([...(await second.at(8).read([2]))]).toEqual(flat([7, 8, 9], 64));
    await second.close();
  });

  it("drops a class without a readable photo, and refuses when fewer than two are left", async () => {
    await photo("a/1.png", [1, 2, 3]);
    await photo("c/1.png", [4, 5, 6]);
    await fs.mkdir(join(data, "b"));
    await fs.writeFile(join(data, "b/1.jpg"), "no photo");
    const cache = await open();
    expect(cache.classes).toEqual(["a", "c"]);
    expect([...cache.targets]).toEqual([0, 1]);
    expect(cache.warnings).toEqual([{ code: "DATA_EMPTY_CLASS", message: "no photo of class `b` could be read" }]);
    await cache.close();

    await fs.writeFile(join(data, "c/1.png"), "no photo");
    await expect(open()).rejects.toMatchObject({
      code: "DATA_ONE_CLASS",
      message: expect.stringContaining("one with readable photos (a)"),
    });
    await fs.writeFile(join(data, "a/1.png"), "no photo");
    await expect(open()).rejects.toMatchObject({ code: "NO_PHOTOS" });
  });

  it("decodes a photo once for squares of several sides", async () => {
    await photo("a/1.png", [1, 2, 3]);
    await photo("b/2.png", [4, 5, 6]);
    const asked: number[] = [];
    const counted = (seen: RgbPhoto) => {
      asked.push(seen.width);
      return evaluate(seen);
    };
    const cache = await open({ cacheSizes: [8, 16], evaluate: counted });
    try {
      expect([cache.decoded, asked.length]).toEqual([2, 2]);
      expect([...(await cache.at(16).read([1]))]).toEqual(flat([4, 5, 6], 256));
      expect([...(await cache.at(8).read([0]))]).toEqual(flat([1, 2, 3], 64));
      expect(() => cache.at(12)).toThrow("8,16");
    } finally {
      await cache.close();
    }
    const wider = await open({ cacheSizes: [16, 24] });
    try {
      expect(wider.decoded).toBe(2);
      expect([...(await wider.at(16).read([0]))]).toEqual(flat([1, 2, 3], 256));
    } finally {
      await wider.close();
    }
  });

  it("tells how far it is", async () => {
    for (let i = 0; i < 5; i++) await photo(`${"ab"[i % 2]}/${i}.png`, [i, i, i]);
    const seen: number[] = [];
    const cache = await open({
      onProgress: ({ done, total }) => {
        expect(total).toBe(5);
        seen.push(done);
      },
    });
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    await cache.close();
  });

  it("calls the model's resize for one photo at a time", async () => {
    for (let i = 0; i < 6; i++) await photo(`${"ab"[i % 2]}/${i}.png`, [i, i, i]);
    let running = 0;
    const cache = await open({
      evaluate: async (seen) => {
        expect(++running).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 2));
        running--;
        return evaluate(seen);
      },
    });
    await cache.close();
  });
});

describe("interrupted", () => {
  it("keeps what is there when a signal stops it, and goes on from there", async () => {
    for (let i = 0; i < 12; i++) await photo(`${"ab"[i % 2]}/${i}.png`, [i, i, i]);
    const stop = new AbortController();
    const stopping = open({ signal: stop.signal, onProgress: ({ done }) => done === 5 && stop.abort() });
    await expect(stopping).rejects.toMatchObject({ name: "AbortError" });
    expect((await cacheFiles()).filter((name) => name && !name.endsWith(".part"))).toEqual([]);
    const cache = await open();
    expect(cache.decoded).toBeGreaterThanOrEqual(12 - 5 - 3); // three more may have been in flight
    expect(cache.decoded).toBeLessThanOrEqual(12 - 5);
    await cache.close();
  });

  it("goes on after kill -9 without decoding again what was kept, and with the right pixels", async () => {
    const count = 400;
    const colour = (i: number) => [i % 256, (i * 7) % 256, (i * 31) % 256] as const;
    await Promise.all(Array.from({ length: count }, (_, i) => photo(`${"ab"[i % 2]}/${i}.png`, colour(i))));
    const moduleOf = (name: string) => JSON.stringify(new URL(`../../dist/data/${name}.js`, import.meta.url).href);
    const script = `
      import { readDataset } from ${moduleOf("dataset")};
      import { openPhotoCache } from ${moduleOf("photoCache")};
      const evaluate = (photo) => Uint8Array.from({ length: 48 }, (_, i) => 255 - photo.data[i % 3]);
      const dataset = await readDataset(${JSON.stringify(data)});
      await openPhotoCache({ dataset, cacheSizes: [8], preprocess: { size: 4, resize: 5 }, evaluate,
        cacheDir: ${JSON.stringify(cacheDir)}, onProgress: ({ done }) => console.log(done) });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    for await (const line of createInterface(child.stdout)) if (Number(line) >= 290) break;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    expect(await exited).toEqual([null, "SIGKILL"]);
    expect((await cacheFiles()).filter((name) => name?.endsWith(".bin") || name?.endsWith(".jsonl"))).toEqual([]);

    const cache = await open();
    expect(cache.decoded).toBeGreaterThan(0);
    expect(cache.decoded).toBeLessThanOrEqual(count - 128); // at least one journal write of 128 had passed
    const all = await cache.at(8).read([...cache.files.keys()]);
    const evaluation = await cache.at(8).readForEvaluation([...cache.files.keys()]);
    cache.files.forEach((file, at) => {
      const rgb = colour(Number(/\d+/.exec(file)![0]));
      expect([...all.subarray(at * 192, (at + 1) * 192)]).toEqual(flat(rgb, 64));
      expect([...evaluation.subarray(at * 48, at * 48 + 3)]).toEqual(rgb.map((value) => 255 - value));
    });
    await cache.close();
  });

  it.each([
    ["a torn last line", "squares-8.v1.jsonl", (text: string) => text.slice(0, -20)],
    ["a line of zeros", "squares-8.v1.jsonl", (text: string) => text.replace(/.*\n/, `${"\0".repeat(30)}\n`)],
    ["a missing index", "evaluation-5-4.v1.jsonl", () => undefined],
    ["a data file cut short", "squares-8.v1.bin", () => "short"],
  ])("repairs %s", async (_, name, damage) => {
    await photo("a/1.png", [1, 2, 3]);
    await photo("b/2.png", [4, 5, 6]);
    await (await open()).close();
    const path = join(cacheDir, (await fs.readdir(cacheDir))[0]!, name);
    const damaged = damage(await fs.readFile(path, "utf8"));
    if (damaged === undefined) await fs.rm(path);
    else await fs.writeFile(path, damaged);
    for (const again of [true, false]) {
      const cache = await open();
      expect(cache.decoded > 0).toBe(again);
      expect([...(await cache.at(8).read([0, 1]))]).toEqual([...flat([1, 2, 3], 64), ...flat([4, 5, 6], 64)]);
      expect((await cache.at(8).readForEvaluation([1]))[0]).toBe(251);
      await cache.close();
    }
  });

  it("lets two openers of one cache share the work", async () => {
    for (let i = 0; i < 8; i++) await photo(`${"ab"[i % 2]}/${i}.png`, [i, i, i]);
    const waited: string[] = [];
    const caches = await Promise.all([1, 2].map(() => open({ onWait: (holder) => waited.push(holder) })));
    expect(caches.map((cache) => cache.decoded).sort()).toEqual([0, 8]);
    expect(waited).toEqual([`process ${process.pid}`]);
    await Promise.all(caches.map((cache) => cache.close()));
  });
});

describe("the disk", () => {
  beforeEach(async () => {
    await photo("a/1.png", [1, 2, 3]);
    await photo("b/2.png", [4, 5, 6]);
  });

  it("is asked for room before anything is decoded", async () => {
    freeBytes = 2 ** 20;
    const onProgress = vi.fn();
    await expect(open({ onProgress })).rejects.toMatchObject({
      code: "DISK_FULL",
      details: { expected: 2 ** 20 + 2 * (8 * 8 * 3 + 4 * 4 * 3), received: 2 ** 20 },
    });
    expect(onProgress).not.toHaveBeenCalled();
  });

  it("that fills up half-way is DISK_FULL, and the cache can be finished later", async () => {
    diskFull = true;
    await expect(open()).rejects.toMatchObject({ code: "DISK_FULL" });
    expect((await cacheFiles()).filter((name) => name && !name.endsWith(".part"))).toEqual([]);
    diskFull = false;
    const cache = await open();
    expect(cache.decoded).toBe(2);
    await cache.close();
  });

  it("that cannot be written names the option", async () => {
    await fs.writeFile(join(dir, "file"), "");
    await expect(open({ cacheDir: join(dir, "file") })).rejects.toMatchObject({
      code: "BAD_OPTION",
      message: expect.stringContaining("for `--cache`"),
    });
  });

  it("failing in the engine is not the photo's fault", async () => {
    const failing = () => {
      throw new Error("engine broke");
    };
    await expect(open({ evaluate: failing })).rejects.toThrow("engine broke");
  });
});

describe("squish", () => {
  it("keeps a ramp a ramp: pixel centres stay where they are", async () => {
    const [width, height] = [64, 16];
    const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (Math.floor(i / 3) % width) * 4);
    const out = await squish({ width, height, data }, 16);
    expect(out).toHaveLength(16 * 16 * 3);
    for (let x = 1; x < 15; x++) {
      // The centre of pixel x lies at (x + 0.5) * 4 - 0.5 of the original.
      expect(Math.abs(out[(8 * 16 + x) * 3]! - ((x + 0.5) * 4 - 0.5) * 4)).toBeLessThanOrEqual(1);
    }
  });

  it("averages a fine pattern instead of picking from it", async () => {
    const data = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (Math.floor(i / 3) % 2) * 255);
    const out = await squish({ width: 64, height: 64, data }, 16);
    for (const value of out) expect(Math.abs(value - 127.5)).toBeLessThan(20);
  });
});

describe("cacheRoot", () => {
  it.each([
    ["/x", { BALLSIGHT_CACHE: "/y", XDG_CACHE_HOME: "/z" }, "/x"],
    [undefined, { BALLSIGHT_CACHE: "/y", XDG_CACHE_HOME: "/z" }, "/y"],
    [undefined, { XDG_CACHE_HOME: "/z" }, "/z/ballsight/photos"],
  ])("of option %s and %o is %s", (option, env, expected) => {
    expect(cacheRoot(option, env)).toBe(expected);
  });

  it("takes an empty name for none, and not for the working folder", () => {
    const env = { BALLSIGHT_CACHE: "", XDG_CACHE_HOME: "/z" };
    expect([cacheRoot("", env), cacheFor("review", "", env)]).toEqual(["/z/ballsight/photos", "/z/ballsight/review"]);
    expect(cacheFor("review", undefined, { BALLSIGHT_CACHE: "/y" })).toBe("/y/review");
  });

  it("ignores a relative XDG_CACHE_HOME", () => {
    expect(cacheRoot(undefined, { XDG_CACHE_HOME: "z" })).toMatch(/[/\\]\.cache[/\\]ballsight[/\\]photos$/);
  });
});
