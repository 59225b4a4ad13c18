// The closed curve on which a baseball is stitched and a tennis ball is glued: C(t) = (a cos t + b cos 3t, a sin t - b sin 3t, c sin 2t)
// with a + b = 1 and c = 2 sqrt(ab) lies on the unit sphere and cuts it into two equal halves.
import { cos, PI, sin } from "./exact.ts";
import { dot, sub, type Vec3 } from "./vec.ts";

const A = 0.71;
const B = 1 - A;
const C = 2 * Math.sqrt(A * B);
const SAMPLES = 96;

const point = (t: number): Vec3 => [A * cos(t) + B * cos(3 * t), A * sin(t) - B * sin(3 * t), C * sin(2 * t)];
const velocity = (t: number): Vec3 => [
  -A * sin(t) - 3 * B * sin(3 * t),
  A * cos(t) - 3 * B * cos(3 * t),
  2 * C * cos(2 * t),
];

const table = Array.from({ length: SAMPLES }, (_, i) => {
  const t = (2 * PI * i) / SAMPLES;
  return { point: point(t), velocity: velocity(t) };
});

const points = Float64Array.from(table.flatMap((sample) => [...sample.point]));

// Arc length from t = 0 to each sample, so that stitches keep one distance although |C'(t)| varies.
const arc: number[] = [0];
for (let i = 0; i < SAMPLES; i++) {
  const from = table[i]!.point;
  const chord = sub(table[(i + 1) % SAMPLES]!.point, from);
  arc.push(arc[i]! + Math.sqrt(dot(chord, chord)));
}

/** Length of the whole seam on the unit sphere. */
export const seamLength: number = arc[SAMPLES]!;

// On the curve xy = P z + Q z^3, so this vanishes there and has one sign on each half.
const P = (A * A - 2 * A * B - 3 * B * B) / (2 * C);
const Q = (2 * B * B) / (C * C * C);

/** Roughly the signed distance from the unit vector `p` to the seam: right near it, only large far from it. */
export function seamSide(p: Vec3): number {
  const x = p[0];
  const y = p[1];
  const z = p[2];
  const value = x * y - P * z - Q * z * z * z;
  const gz = -P - 3 * Q * z * z;
  const radial = 2 * x * y + gz * z; // the gradient's part along p, which does not move the point over the sphere
  const tangential = x * x + y * y + gz * gz - radial * radial;
  return value / Math.sqrt(Math.max(tangential, 0.09));
}

/** Where along the seam, as arc length in 0..seamLength, the unit vector `p` is nearest to it. */
export function seamArc(p: Vec3): number {
  let best = -2;
  let index = 0;
  for (let i = 0; i < SAMPLES; i++) {
    const d = points[3 * i]! * p[0] + points[3 * i + 1]! * p[1] + points[3 * i + 2]! * p[2];
    if (d > best) {
      best = d;
      index = i;
    }
  }
  const near = table[index]!;
  // One Gauss-Newton step from the nearest sample, in units of samples.
  const step = dot(sub(p, near.point), near.velocity) / dot(near.velocity, near.velocity) / ((2 * PI) / SAMPLES);
  const end = index === 0 && step < 0 ? SAMPLES : index;
  const slope = step < 0 ? arc[end]! - arc[end - 1]! : arc[index + 1]! - arc[index]!;
  return arc[index]! + slope * step;
}
