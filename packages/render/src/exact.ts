// Elementary functions from + - * / and sqrt only. ECMAScript leaves Math.sin, Math.exp and Math.pow to the engine's taste; IEEE 754
// rounds these five operations the same everywhere, so a picture has the same bits on every machine.

export const PI = Math.PI;
const HALF_PI = PI / 2;

// Taylor series on [-pi/4, pi/4]: the first dropped term is below 1e-11.
function sinKernel(x: number): number {
  const s = x * x;
  return x * (1 - (s / 6) * (1 - (s / 20) * (1 - (s / 42) * (1 - (s / 72) * (1 - s / 110)))));
}

function cosKernel(x: number): number {
  const s = x * x;
  return 1 - (s / 2) * (1 - (s / 12) * (1 - (s / 30) * (1 - (s / 56) * (1 - (s / 90) * (1 - s / 132)))));
}

/** Sine of an angle in radians, good to 1e-10 for |x| < 1000. */
export function sin(x: number): number {
  const quadrant = Math.round(x / HALF_PI);
  const rest = x - quadrant * HALF_PI;
  const k = quadrant & 3;
  const value = k & 1 ? cosKernel(rest) : sinKernel(rest);
  return k & 2 ? -value : value;
}

/** Cosine of an angle in radians, good to 1e-10 for |x| < 1000. */
export const cos = (x: number): number => sin(x + HALF_PI);

function fifthRoot(value: number): number {
  let root = 1;
  // Newton from above; forty steps reach the fixed point for every value in (1e-4, 1].
  for (let i = 0; i < 40; i++) root = (4 * root + value / (root * root * root * root)) / 5;
  return root;
}

/** Decodes an sRGB component to linear light, both 0..1 (IEC 61966-2-1). */
export function linearFromSrgb(c: number): number {
  if (c <= 0.04045) return c / 12.92;
  const t = (c + 0.055) / 1.055;
  return t * t * fifthRoot(t * t); // t^2.4
}

// The linear value at which the encoded byte goes from i to i + 1.
const thresholds = Float64Array.from({ length: 255 }, (_, i) => linearFromSrgb((i + 0.5) / 255));

/** Encodes linear light to an sRGB byte, 0..255; values outside 0..1 are clamped. */
export function srgbByte(linear: number): number {
  let low = 0;
  let high = 255;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (linear >= thresholds[middle]!) low = middle + 1;
    else high = middle;
  }
  return low;
}

export const clamp = (x: number, low: number, high: number): number => (x < low ? low : Math.min(x, high));

/** 0 below `from`, 1 above `to`, the cubic between; `from` may be the larger one. */
export function smoothstep(from: number, to: number, x: number): number {
  const t = clamp((x - from) / (to - from), 0, 1);
  return t * t * (3 - 2 * t);
}

/** 1 inside `edge`, 0 outside, with a soft rim of half width `soft` around it. */
export const inside = (distance: number, edge: number, soft: number): number =>
  smoothstep(edge + soft, edge - soft, distance);
