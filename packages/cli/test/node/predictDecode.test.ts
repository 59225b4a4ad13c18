// Decoding: every kind of photo comes out as upright 8-bit sRGB on white, and what is no whole photo is named.

import { decode } from "@ballsight/server/photos";
import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, test } from "vitest";

type Rgb = readonly [number, number, number];
type Sharp = ReturnType<typeof sharp>;

const RED: Rgb = [220, 20, 30];

const plain = ([r, g, b]: Rgb, width = 40, height = 30): Sharp =>
  sharp({ create: { width, height, channels: 3, background: { r, g, b } } });

const translucent = ([r, g, b]: Rgb): Sharp =>
  sharp({ create: { width: 40, height: 30, channels: 4, background: { r, g, b, alpha: 0.5 } } });

/** Something that no encoder can shrink to a few bytes. */
const busy = (): Sharp => {
  const data = Buffer.from(Array.from({ length: 120 * 80 * 3 }, (_, i) => (i * 7919 + ((i * i) >> 5)) % 256));
  return sharp(data, { raw: { width: 120, height: 80, channels: 3 } });
};

async function expectColour(bytes: Uint8Array, colour: Rgb, tolerance: number) {
  const photo = await decode(bytes, "x");
  expect([photo.width, photo.height, photo.data.length]).toEqual([40, 30, 40 * 30 * 3]);
  for (let i = 0; i < photo.data.length; i++) {
    expect(Math.abs((photo.data[i] as number) - (colour[i % 3] as number))).toBeLessThanOrEqual(tolerance);
  }
}

describe("colours", () => {
  test.each<[string, Sharp, Rgb, number]>([
    ["PNG", plain(RED).png(), RED, 0],
    ["PNG with a palette", plain(RED).png({ palette: true }), RED, 0],
    ["lossless WebP", plain(RED).webp({ lossless: true }), RED, 0],
    ["TIFF", plain(RED).tiff({ compression: "lzw" }), RED, 0],
    ["GIF", plain(RED).gif(), RED, 0],
    ["AVIF", plain(RED).avif({ quality: 95, chromaSubsampling: "4:4:4" }), RED, 4],
    ["JPEG", plain(RED).jpeg({ quality: 100, chromaSubsampling: "4:4:4" }), RED, 2],
    ["16-bit RGB PNG", plain(RED).toColourspace("rgb16").png(), RED, 0],
    ["16-bit grey PNG", plain([90, 90, 90]).toColourspace("grey16").png(), [90, 90, 90], 0],
    ["grey PNG", plain([90, 90, 90]).toColourspace("b-w").png(), [90, 90, 90], 0],
    ["grey JPEG", plain([90, 90, 90]).toColourspace("b-w").jpeg(), [90, 90, 90], 1],
    ["alpha on white", translucent([255, 0, 0]).png(), [255, 127, 127], 1],
    ["16-bit alpha on white", translucent([255, 0, 0]).toColourspace("rgb16").png(), [255, 127, 127], 1],
    ["grey with alpha on white", translucent([0, 0, 0]).toColourspace("b-w").png(), [127, 127, 127], 1],
    // Red ink is not sRGB's red; decoded without a profile it would be far darker or inverted.
    ["CMYK JPEG", plain(RED).toColourspace("cmyk").jpeg({ quality: 100 }), RED, 32],
    // Unconverted, Display P3's numbers for this red are about 203, 42, 40.
    ["Display P3 JPEG", plain(RED).withIccProfile("p3").jpeg({ quality: 100, chromaSubsampling: "4:4:4" }), RED, 3],
  ])("%s", async (_, image, colour, tolerance) => {
    await expectColour(await image.toBuffer(), colour, tolerance);
  });

  test.each(["gif", "webp"] as const)("the first frame of an animated %s", async (format) => {
    const frames = [plain(RED), plain([0, 0, 255]), plain([0, 255, 0])].map((frame) => frame.png().toBuffer());
    const joined = sharp(await Promise.all(frames), { join: { animated: true } });
    const bytes = await (format === "gif" ? joined.gif() : joined.webp({ lossless: true })).toBuffer();
    expect((await sharp(bytes).metadata()).pages).toBe(3);
    await expectColour(bytes, RED, 0);
  });
});

// What the eye sees for each EXIF orientation of a file that stores the quarters A B over C D (EXIF 2.32, tag 0x0112).
test.each([
  [1, "ABCD"],
  [2, "BADC"],
  [3, "DCBA"],
  [4, "CDAB"],
  [5, "ACBD"],
  [6, "CADB"],
  [7, "DBCA"],
  [8, "BDAC"],
])("EXIF orientation %i is turned upright", async (orientation, seen) => {
  const colours: Record<string, Rgb> = { A: [250, 10, 10], B: [10, 250, 10], C: [10, 10, 250], D: [250, 250, 10] };
  const quarters = await Promise.all(
    [..."ABCD"].map(async (quarter, i) => ({
      input: await plain(colours[quarter] as Rgb, 48, 32)
        .png()
        .toBuffer(),
      left: (i % 2) * 48,
      top: (i >> 1) * 32,
    })),
  );
  const stored = plain([0, 0, 0], 96, 64).composite(quarters).withMetadata({ orientation });
  const photo = await decode(await stored.jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer(), "x");
  expect([photo.width, photo.height]).toEqual(orientation < 5 ? [96, 64] : [64, 96]);
  const centres = [0, 1, 2, 3].map((i) => {
    const x = Math.floor((photo.width * (1 + 2 * (i % 2))) / 4);
    const y = Math.floor((photo.height * (1 + 2 * (i >> 1))) / 4);
    const at = (y * photo.width + x) * 3;
    const near = ([r, g, b]: Rgb) =>
      Math.abs(photo.data[at]! - r) + Math.abs(photo.data[at + 1]! - g) + Math.abs(photo.data[at + 2]! - b) < 12;
    return Object.keys(colours).find((quarter) => near(colours[quarter] as Rgb));
  });
  expect(centres.join("")).toBe(seen);
});

const ENCODERS = {
  JPEG: () => busy().jpeg(),
  "progressive JPEG": () => busy().jpeg({ progressive: true }),
  PNG: () => busy().png(),
  WebP: () => busy().webp(),
  GIF: () => busy().gif(),
  TIFF: () => busy().tiff(),
  AVIF: () => busy().avif({ effort: 0 }),
};

describe.each(Object.entries(ENCODERS))("%s", (_, encode) => {
  test.each([0.3, 0.5, 0.9])("cut at %f is damaged", async (share) => {
    const bytes = await encode().toBuffer();
    const cut = bytes.subarray(0, Math.floor(bytes.length * share));
    await expect(decode(cut, "cut")).rejects.toMatchObject({
      code: "IMAGE_TRUNCATED",
      message: expect.stringMatching(/^expected a whole photo for `cut` but received a damaged one \(.+\); [^\n]+$/),
    });
  });

  test("with garbage behind it is whole", async () => {
    const bytes = await encode().toBuffer();
    const whole = await decode(bytes, "x");
    const longer = await decode(Buffer.concat([bytes, Buffer.alloc(3000, 7)]), "x");
    expect(Buffer.from(longer.data).equals(whole.data)).toBe(true);
  });

  test("with damaged bytes is answered or refused by name, never crashed on", async () => {
    const bytes = await encode().toBuffer();
    const damage = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const copy = Buffer.from(bytes);
        for (const [at, value] of changes) copy[at] = value;
        const result = await decode(copy, "x").catch((error: unknown) => error);
        if (result instanceof Error) expect(result).toMatchObject({ name: "BallsightError" });
        else expect(result).toSatisfy((photo) => photo.data.length === photo.width * photo.height * 3);
      }),
      { numRuns: 30 },
    );
  });
});

test.each<[string, string | Uint8Array, string, string]>([
  ["no bytes", "", "EMPTY_FILE", "received 0 bytes"],
  ["text", "not a photo\n", "NOT_AN_IMAGE", "a text file"],
  ["a web page", "\n<!DOCTYPE html><html><body>404</body></html>", "NOT_AN_IMAGE", "a web page"],
  ["a ZIP archive", "PK\x03\x04", "NOT_AN_IMAGE", "a ZIP archive"],
  ["random bytes", Buffer.from([1, 2, 3, 4, 5]), "NOT_AN_IMAGE", "something else"],
  ["SVG", '<svg xmlns="http://www.w3.org/2000/svg"/>', "IMAGE_UNSUPPORTED", "an SVG drawing"],
  [
    "SVG behind a declaration",
    '\ufeff<?xml version="1.0"?>\n<!-- a -->\n<svg/>',
    "IMAGE_UNSUPPORTED",
    "an SVG drawing",
  ],
  ["PDF", "%PDF-1.7\n", "IMAGE_UNSUPPORTED", "a PDF document"],
  ["BMP", `BM${"\0".repeat(60)}`, "IMAGE_UNSUPPORTED", "a BMP picture"],
  ["HEIC", `\0\0\0\x18ftypheic\0\0\0\0mif1heic${"\0".repeat(60)}`, "IMAGE_UNSUPPORTED", "a HEIC/HEIF picture"],
])("%s is refused", async (_, content, code, part) => {
  const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : content;
  await expect(decode(bytes, "x")).rejects.toMatchObject({ code, message: expect.stringContaining(part) });
});

test("a strip is refused before the resize would make it huge", async () => {
  await expect(decode(await plain(RED, 3, 301).png().toBuffer(), "x")).rejects.toMatchObject({
    code: "IMAGE_TOO_NARROW",
  });
  expect((await decode(await plain(RED, 3, 300).png().toBuffer(), "x")).height).toBe(300);
});
