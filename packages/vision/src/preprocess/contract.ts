// The preprocessing contract that travels with a model: what happens to a photo before the network sees it.

import { fail } from "../errors.ts";

/** How a photo becomes the network's input: short side to `resize`, centre crop to `size`, then (x / 255 - mean) / std. */
export interface Preprocess {
  /** Side of the square that the network sees, pixels. */
  readonly size: number;
  /** What the short side is resized to before the crop, pixels; at least `size`. */
  readonly resize: number;
  readonly resample: "bilinear";
  /** Whether the filter widens when it scales down, as Pillow's always does. */
  readonly antialias: true;
  readonly crop: "center";
  /** Per channel R, G, B, on the 0..1 scale. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** The largest side that a model may ask for: above it, a photo would need gigabytes. */
const MAX_SIDE = 2048;

/** The longest strip that is resized: the long side grows with the ratio, and a 1 x 65535 photo would ask for gigabytes. */
export const MAX_ASPECT = 100;

/** Throws IMAGE_TOO_NARROW when one side is more than MAX_ASPECT times the other. */
export function checkAspect(width: number, height: number, name: string): void {
  if (Math.max(width, height) > MAX_ASPECT * Math.min(width, height)) {
    fail("IMAGE_TOO_NARROW", { name, width, height, limit: MAX_ASPECT });
  }
}

/** The contract as `ballsight.preprocess` holds it. */
export function serializePreprocess(preprocess: Preprocess): string {
  const { size, resize, resample, antialias, crop, mean, std } = preprocess;
  return JSON.stringify({ size, resize, resample, antialias, crop, mean, std });
}

/**
 * Reads what `ballsight.preprocess` holds. Throws MODEL_INCOMPATIBLE where a value is missing or one that this version cannot do.
 * @param name what the error calls the model, for instance its file name
 */
export function parsePreprocess(json: string, name = "model"): Preprocess {
  const record = parseObject(json, name);
  const check = <T>(key: keyof Preprocess, valid: (value: unknown) => value is T, expected: string): T => {
    const value = record[key];
    if (valid(value)) return value;
    return fail("MODEL_INCOMPATIBLE", {
      name,
      expected: `\`preprocess.${key}\` ${expected}`,
      received: value === undefined ? "none" : JSON.stringify(value),
    });
  };
  const size = check("size", isSide, `a whole number from 1 to ${MAX_SIDE}`);
  const isResize = (value: unknown): value is number => isSide(value) && value >= size;
  return {
    size,
    resize: check("resize", isResize, `a whole number from ${size} (its size) to ${MAX_SIDE}`),
    resample: check("resample", is("bilinear"), '"bilinear"'),
    antialias: check("antialias", is(true), "true"),
    crop: check("crop", is("center"), '"center"'),
    mean: check("mean", isTriple, "three numbers"),
    std: check("std", isPositiveTriple, "three numbers above 0"),
  };
}

function parseObject(json: string, name: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    fail("MODEL_INCOMPATIBLE", { name, expected: "`preprocess` as JSON", received: JSON.stringify(json) }, { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    fail("MODEL_INCOMPATIBLE", { name, expected: "`preprocess` as a JSON object", received: json });
  }
  return value as Readonly<Record<string, unknown>>;
}

type Triple = readonly [number, number, number];

const isSide = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MAX_SIDE;
const isTriple = (value: unknown): value is Triple =>
  Array.isArray(value) && value.length === 3 && value.every((item) => Number.isFinite(item));
const isPositiveTriple = (value: unknown): value is Triple => isTriple(value) && value.every((item) => item > 0);
const is =
  <const T extends string | boolean>(wanted: T) =>
  (value: unknown): value is T =>
    value === wanted;
