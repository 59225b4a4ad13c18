// Draws of fastai's aug_transforms and RandomResizedCrop: per photo one matrix of coordinates and one pair for brightness and contrast.
// Nothing is sampled here: the training graph does that, once, with the matrices as input.

import type { Generator } from "../random/generator.ts";
import { identity3, type Matrix3, multiply3, perspective } from "./homography.ts";

/** Options of augmentation, plain data. Angles in degrees; the other maxima are shares as in fastai. */
export interface AugmentConfig {
  /** RandomResizedCrop's smallest area (share of the photo) and range of width / height. null takes the whole photo, squished. */
  readonly crop: { readonly minScale: number; readonly ratio: readonly [number, number] } | null;
  /** Mirror half of the photos. */
  readonly flip: boolean;
  readonly maxRotate: number;
  readonly maxZoom: number;
  readonly maxLighting: number;
  readonly maxWarp: number;
  /** Chance that a photo gets rotation; again for zoom; again for each axis of warp. */
  readonly pAffine: number;
  /** Chance that a photo gets another brightness; again for contrast. */
  readonly pLighting: number;
  /** Scales rotation, lighting and warp, but not zoom. */
  readonly mult: number;
}

/** fastai's defaults, with the crop that its guides use for photos of things (smallest area 0.35). */
export const AUGMENT_DEFAULTS: AugmentConfig = {
  crop: { minScale: 0.35, ratio: [3 / 4, 4 / 3] },
  flip: true,
  maxRotate: 10,
  maxZoom: 1.1,
  maxLighting: 0.2,
  maxWarp: 0.2,
  pAffine: 0.75,
  pLighting: 0.75,
  mult: 1,
};

/** What the sampling needs for n photos. */
export interface AugmentDraws {
  /**
   * [n, 3, 3] row-major. Maps homogeneous (x, y, 1) of the output to the source, which is the cached square; divide by the
   * third value. Both sides run from -1 to 1 between the centres of the border pixels (x = 2i / (W - 1) - 1, GridSample's align_corners = 1).
   */
  readonly matrices: Float32Array;
  /** [n], in (0, 1); 0.5 changes nothing. */
  readonly brightness: Float32Array;
  /** [n], above 0; 1 changes nothing. */
  readonly contrast: Float32Array;
}

/** A part of the photo in units of its height: the photo is `aspect` wide and 1 high. */
interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * @param aspects width / height of each original photo, before it was squished to the cache's square
 */
export function drawAugmentation(config: AugmentConfig, aspects: ArrayLike<number>, draws: Generator): AugmentDraws {
  const neutral = neutralAugmentation(aspects.length);
  for (let i = 0; i < aspects.length; i++) {
    neutral.matrices.set(drawMatrix(config, aspects[i]!, draws), 9 * i);
    const { brightness, contrast } = drawLighting(config, draws);
    neutral.brightness[i] = brightness;
    neutral.contrast[i] = contrast;
  }
  return neutral;
}

/** What leaves n squares as they are: identity matrices, neutral light. */
export function neutralAugmentation(n: number): AugmentDraws {
  const matrices = new Float32Array(9 * n);
  for (let i = 0; i < n; i++) matrices.set(identity3(), 9 * i);
  return { matrices, brightness: new Float32Array(n).fill(0.5), contrast: new Float32Array(n).fill(1) };
}

/** Side to which fastai's RandomResizedCrop resizes for validation before it crops the centre: 14 % more, in steps of 8. */
export function evaluationResize(size: number): number {
  return size + Math.ceil((size * 0.14) / 8) * 8;
}

/** fastai's light for one value in [0, 1]: brightness, then contrast, in one trip to logits and back. */
export function lighting(value: number, brightness: number, contrast: number): number {
  const logit = (p: number) => {
    const clamped = Math.min(Math.max(p, 1e-7), 1 - 1e-7);
    return Math.log(clamped / (1 - clamped));
  };
  return 1 / (1 + Math.exp(-(logit(value) + logit(brightness)) * contrast));
}

/** fastai's perspective warp by (xt, yt), from output to source: tilts the photo about its vertical and horizontal middle. */
export function warpMatrix(xt: number, yt: number): Matrix3 {
  return perspective(
    [
      [-1 - yt, -1 - xt],
      [-1 + yt, 1 + xt],
      [1 + yt, -1 + xt],
      [1 - yt, 1 - xt],
    ],
    [
      [-1, -1],
      [-1, 1],
      [1, -1],
      [1, 1],
    ],
  );
}

function drawMatrix(config: AugmentConfig, aspect: number, draws: Generator): Matrix3 {
  const { maxRotate, maxZoom, maxWarp, mult, pAffine } = config;
  const sometimes = (value: number, neutral: number) => (draws.chance(pAffine) ? value : neutral);
  const mirror = draws.chance(0.5) && config.flip ? -1 : 1;
  const angle = (sometimes(draws.uniform(-maxRotate, maxRotate) * mult, 0) * Math.PI) / 180;
  const zoom = 1 / sometimes(draws.uniform(1, maxZoom), 1);
  const [centreX, centreY] = [draws.uniform(), draws.uniform()];
  const xt = sometimes(draws.uniform(-maxWarp, maxWarp) * mult, 0);
  const yt = sometimes(draws.uniform(-maxWarp, maxWarp) * mult, 0);
  const box = config.crop ? drawCrop(config.crop, aspect, draws) : { x: 0, y: 0, width: aspect, height: 1 };

  const affine = affineMatrix(mirror, angle, zoom, centreX, centreY, box.height / box.width);
  const warp = warpMatrix(xt, yt);
  const frame = keepsInFront(warp, affine) ? multiply3(warp, affine) : affine;
  return multiply3(boxMatrix(box, aspect), frame);
}

/** F R Z of fastai; `heightToWidth` of what fills the frame makes a rotation in normalised coordinates one in pixels. */
function affineMatrix(
  mirror: number,
  angle: number,
  zoom: number,
  centreX: number,
  centreY: number,
  heightToWidth: number,
): Matrix3 {
  const flip: Matrix3 = [mirror, 0, 0, 0, 1, 0, 0, 0, 1];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const rotate: Matrix3 = [cos, sin, 0, -sin, cos, 0, 0, 0, 1];
  const scale: Matrix3 = [zoom, 0, (1 - zoom) * (2 * centreX - 1), 0, zoom, (1 - zoom) * (2 * centreY - 1), 0, 0, 1];
  const matrix = multiply3(multiply3(flip, rotate), scale);
  matrix[1] *= heightToWidth;
  matrix[3] /= heightToWidth;
  return matrix;
}

/**
 * Whether the warp's denominator is positive all over the output; it is linear, so its corners tell. Beyond that horizon
 * points would come from behind the camera. fastai leaves the warp out when one is exactly 0; with its own limits neither happens.
 */
function keepsInFront(warp: Matrix3, affine: Matrix3): boolean {
  const whole = multiply3(warp, affine);
  return [-1, 1].every((x) => [-1, 1].every((y) => whole[6] * x + whole[7] * y + whole[8] > 1e-3));
}

/** fastai's RandomResizedCrop in training, without rounding to pixels: ten tries, then the largest centre crop within the ratios. */
function drawCrop({ minScale, ratio }: NonNullable<AugmentConfig["crop"]>, aspect: number, draws: Generator): Box {
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = draws.uniform(minScale, 1) * aspect;
    const shape = Math.exp(draws.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
    const [width, height] = [Math.sqrt(area * shape), Math.sqrt(area / shape)];
    if (width <= aspect && height <= 1) {
      return { x: draws.uniform(0, aspect - width), y: draws.uniform(0, 1 - height), width, height };
    }
  }
  const width = Math.min(aspect, ratio[1]);
  const height = Math.min(1, aspect / ratio[0]);
  return { x: (aspect - width) / 2, y: (1 - height) / 2, width, height };
}

/** From the box's own [-1, 1] square to the photo's. */
function boxMatrix({ x, y, width, height }: Box, aspect: number): Matrix3 {
  const centreX = (2 * x + width) / aspect - 1;
  const centreY = 2 * y + height - 1;
  return [width / aspect, 0, centreX, 0, height, centreY, 0, 0, 1];
}

function drawLighting({ maxLighting, mult, pLighting }: AugmentConfig, draws: Generator) {
  // A change of 1 would mean logit(0) and division by it; fastai asks for less by convention only.
  const change = Math.min(maxLighting * mult, 0.99);
  const brightness = draws.uniform(0.5 * (1 - change), 0.5 * (1 + change));
  const logContrast = draws.uniform(Math.log(1 - change), -Math.log(1 - change));
  return {
    brightness: draws.chance(pLighting) ? brightness : 0.5,
    contrast: draws.chance(pLighting) ? Math.exp(logContrast) : 1,
  };
}
