// Photos looked at in full: what they are, the same faults as decoding finds, and a hash that survives what copies go through.

import { decode } from "@ballsight/server/photos";
import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { render } from "../../../render/src/index.ts";
import { hammingDistance, orientedHashes, perceptualHash } from "../../src/hash/perceptual.ts";
import { inspectPhoto } from "../../src/images/inspect.ts";

const photo = (seed = 1, size = 160) => {
  const { width, height, data } = render({ ball: "Basketball", size, seed });
  return sharp(data, { raw: { width, height, channels: 3 } }).extract({ left: 0, top: 0, width, height: height - 40 });
};
const inspect = async (image: ReturnType<typeof sharp>) => inspectPhoto(await image.toBuffer(), "x");

describe("facts", () => {
  const plain = { width: 160, height: 120, turned: false, cmyk: false, deep: false, frames: 1 };
  test.each<[string, ReturnType<typeof sharp>, object]>([
    ["JPEG", photo().jpeg(), { ...plain, extension: ".jpg" }],
    ["PNG", photo().png(), { ...plain, extension: ".png" }],
    ["PNG with a palette", photo().png({ palette: true }), { ...plain, extension: ".png" }],
    ["WebP", photo().webp(), { ...plain, extension: ".webp" }],
    ["GIF", photo().gif(), { ...plain, extension: ".gif" }],
    ["TIFF", photo().tiff(), { ...plain, extension: ".tif" }],
    ["AVIF", photo().avif({ effort: 0 }), { ...plain, extension: ".avif" }],
    ["CMYK", photo().toColourspace("cmyk").jpeg(), { ...plain, extension: ".jpg", cmyk: true }],
    ["16 bits", photo().toColourspace("rgb16").png(), { ...plain, extension: ".png", deep: true }],
    ["upside down", photo().withMetadata({ orientation: 3 }).jpeg(), { ...plain, extension: ".jpg", turned: true }],
    [
      "a quarter turned",
      photo().withMetadata({ orientation: 6 }).jpeg(),
      { ...plain, extension: ".jpg", width: 120, height: 160, turned: true },
    ],
  ])("%s", async (_, image, expected) => {
    const { grey, ...facts } = await inspect(image);
    expect(facts).toEqual(expected);
    expect(grey).toHaveLength(1024);
  });

  test.each(["gif", "webp"] as const)("frames of an animated %s", async (format) => {
    const frames = await Promise.all([1, 2, 3].map((seed) => photo(seed).png().toBuffer()));
    const { grey, ...facts } = await inspect(sharp(frames, { join: { animated: true } })[format]());
    expect(facts).toEqual({ ...plain, extension: `.${format}`, frames: 3 });
    const first = await inspect(photo(1).png());
    expect(hammingDistance(perceptualHash(grey)!, perceptualHash(first.grey)!)).toBeLessThanOrEqual(4);
  });
});

test("the grey picture is upright, on white, and as bright as the photo", async () => {
  const white = sharp({ create: { width: 64, height: 64, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } });
  expect([...(await inspect(white.png())).grey]).toEqual(Array.from({ length: 1024 }, () => 255));
  // Left half black as stored; orientation 6 is a quarter to the right, so the black half is seen on top.
  const half = sharp({ create: { width: 64, height: 64, channels: 3, background: "#fff" } })
    .composite([{ input: { create: { width: 32, height: 64, channels: 3, background: "#000" } }, left: 0, top: 0 }])
    .withMetadata({ orientation: 6 });
  const { grey } = await inspect(half.png());
  const at = (x: number, y: number) => grey[y * 32 + x];
  expect([at(5, 5), at(26, 5), at(5, 26), at(26, 26)]).toEqual([0, 0, 255, 255]);
});

describe("hashes", () => {
  test.each<[string, (image: ReturnType<typeof sharp>) => ReturnType<typeof sharp>]>([
    ["a JPEG of quality 40", (image) => image.jpeg({ quality: 40 })],
    ["half the size", (image) => image.resize(80).png()],
    ["three times the size", (image) => image.resize(480).webp()],
    ["AVIF", (image) => image.avif({ effort: 0 })],
    ["grey", (image) => image.greyscale().png()],
    ["mirrored", (image) => image.flop().jpeg()],
    ["a quarter turned", (image) => image.rotate(90).jpeg()],
  ])("a copy as %s is near", async (_, change) => {
    for (const seed of [1, 2, 3]) {
      const [original, copy] = await Promise.all([inspect(photo(seed).png()), inspect(change(photo(seed)))]);
      const stored = perceptualHash(original.grey)!;
      const least = Math.min(...orientedHashes(copy.grey).map((hash) => hammingDistance(hash, stored)));
      expect(least).toBeLessThanOrEqual(4);
    }
  });
});

describe("the same faults as `decode` finds", () => {
  const encoders = {
    JPEG: () => photo().jpeg(),
    "progressive JPEG": () => photo().jpeg({ progressive: true }),
    PNG: () => photo().png(),
    WebP: () => photo().webp(),
    GIF: () => photo().gif(),
    TIFF: () => photo().tiff({ compression: "lzw" }),
  };
  test.each(Object.entries(encoders))("in a %s that is cut or overwritten anywhere", async (_, encode) => {
    const whole = await encode().toBuffer();
    const place = fc.nat(whole.length - 1);
    const verdict = (read: Promise<unknown>) =>
      read.then(
        () => "whole",
        ({ code }) => code,
      );
    await fc.assert(
      fc.asyncProperty(fc.boolean(), place, fc.uint8Array({ minLength: 1, maxLength: 16 }), async (cut, at, junk) => {
        const bytes = cut ? whole.subarray(0, at) : Buffer.from(whole);
        if (!cut) bytes.set(junk.subarray(0, whole.length - at), at);
        expect(await verdict(inspectPhoto(bytes, "x"))).toBe(await verdict(decode(bytes, "x")));
      }),
      { numRuns: 60 },
    );
  });
});
