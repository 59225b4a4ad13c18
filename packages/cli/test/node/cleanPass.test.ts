// The pass over a data set: what is the cache's fault is not said of photos, and what a camera wrote is kept.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Recognizer } from "@ballsight/vision";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { exifOf } from "../../src/clean/exif.ts";
import { decodePhoto, lookAt, packLook, unpackLook } from "../../src/clean/look.ts";
import { passOver } from "../../src/clean/pass.ts";
import { readDataset } from "../../src/data/dataset.ts";
import { fill, picture } from "../helpers/dataset.ts";

let isFull = false;
vi.mock("../../src/run/writeAtomic.ts", async (original) => {
  const all = await original<typeof import("../../src/run/writeAtomic.ts")>();
  const writeFully: typeof all.writeFully = async (...args) => {
    if (isFull) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
    await all.writeFully(...args);
  };
  return { ...all, writeFully };
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-pass-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test("a full disk under the cache is a full disk, not two unreadable photos", async () => {
  const root = join(folder, "data");
  await fill(root, { "Golf/a.png": picture("Golf", 1, 32).png(), "Tennis/b.png": picture("Tennis", 1, 32).png() });
  const described = { embedding: new Float32Array(4), prediction: { probabilities: new Float32Array(2) } };
  const recognizer = { labels: ["A", "B"], preprocess: { size: 8 }, describe: async () => [described] };
  const options = {
    dataset: await readDataset(root),
    recognizer: recognizer as unknown as Recognizer,
    model: "0".repeat(64),
    folder,
    onProgress: () => undefined,
  };
  isFull = true;
  await expect(passOver(options)).rejects.toMatchObject({ code: "DISK_FULL" });
  isFull = false;
  const passed = await passOver(options);
  expect([passed.photos.length, passed.failures.size]).toEqual([2, 0]);
});

test("date, camera and the presence of a place come out of EXIF and through the cache", async () => {
  const bytes = await sharp({ create: { width: 40, height: 30, channels: 3, background: "#345" } })
    .withExif({
      IFD0: { Make: "Canon", Model: "Canon EOS 5D" },
      IFD2: { DateTimeOriginal: "2019:05:04 12:31:00" },
      IFD3: { GPSLatitude: "51/1 30/1 0/1", GPSLongitude: "0/1 7/1 0/1" },
    })
    .jpeg()
    .toBuffer();
  const look = await lookAt(await decodePhoto(bytes, "a.jpg"));
  expect(look.exif).toEqual({ taken: "2019-05-04T12:31:00", camera: "Canon EOS 5D", place: true });
  expect(unpackLook(new Uint8Array(packLook(look)))).toEqual(look);
  const bare = await lookAt(await decodePhoto(await sharp(bytes).jpeg().toBuffer(), "b.jpg"));
  expect(bare.exif).toEqual({});
  expect(unpackLook(new Uint8Array(packLook(bare)))).toEqual(bare);
});

test("EXIF that is cut or nonsense says nothing, and does no harm", async () => {
  const { exif } = await sharp(
    await sharp({ create: { width: 9, height: 9, channels: 3, background: "#345" } })
      .withExif({ IFD0: { Make: "Canon" }, IFD2: { DateTimeOriginal: "0000:00:00 00:00:00" } })
      .jpeg()
      .toBuffer(),
  ).metadata();
  expect(exifOf(exif)).toEqual({ camera: "Canon" });
  for (let length = 0; length < exif!.length; length++) expect(() => exifOf(exif!.subarray(0, length))).not.toThrow();
  expect(exifOf(Buffer.from("Exif, but not really"))).toEqual({});
});
