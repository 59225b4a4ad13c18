// Three-vectors, rotations and colours. A vector is a tuple of doubles: V8 keeps it unboxed, unlike an object with three fields.
import { cos, linearFromSrgb, sin } from "./exact.ts";

export type Vec3 = readonly [number, number, number];

/** Rows are the local axes in world coordinates: `toLocal` multiplies by it, `toWorld` by its transpose. */
export type Rotation = readonly [Vec3, Vec3, Vec3];

export const add = (a: Vec3, b: Vec3): Vec3 => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const sub = (a: Vec3, b: Vec3): Vec3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const mul = (a: Vec3, b: Vec3): Vec3 => [a[0] * b[0], a[1] * b[1], a[2] * b[2]];
export const scale = (a: Vec3, k: number): Vec3 => [a[0] * k, a[1] * k, a[2] * k];
/** a + k b */
export const along = (a: Vec3, k: number, b: Vec3): Vec3 => [a[0] + k * b[0], a[1] + k * b[1], a[2] + k * b[2]];
export const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const cross = (a: Vec3, b: Vec3): Vec3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
export const length = (a: Vec3): number => Math.sqrt(dot(a, a));
export const normalize = (a: Vec3): Vec3 => scale(a, 1 / length(a));
export const mix = (a: Vec3, b: Vec3, t: number): Vec3 => [
  a[0] + (b[0] - a[0]) * t,
  a[1] + (b[1] - a[1]) * t,
  a[2] + (b[2] - a[2]) * t,
];
export const reflect = (direction: Vec3, normal: Vec3): Vec3 => along(direction, -2 * dot(direction, normal), normal);

/** Two unit vectors that make a right-handed frame with the unit vector `n`. */
export function tangents(n: Vec3): readonly [Vec3, Vec3] {
  const side: Vec3 = Math.abs(n[1]) < 0.9 ? [0, 1, 0] : [1, 0, 0];
  const first = normalize(cross(side, n));
  return [first, cross(n, first)];
}

export const toLocal = (r: Rotation, v: Vec3): Vec3 => [dot(r[0], v), dot(r[1], v), dot(r[2], v)];
export const toWorld = (r: Rotation, v: Vec3): Vec3 => [
  r[0][0] * v[0] + r[1][0] * v[1] + r[2][0] * v[2],
  r[0][1] * v[0] + r[1][1] * v[1] + r[2][1] * v[2],
  r[0][2] * v[0] + r[1][2] * v[1] + r[2][2] * v[2],
];

// Through `scale`, not as bare literals: V8 stores [0, 1, 0] as small integers, and a second kind of array slows every function above.
export const UP: Vec3 = scale([0, 1, 0], 1);
export const upright: Rotation = [scale([1, 0, 0], 1), UP, scale([0, 0, 1], 1)];

/** The rotation that turns the local unit vector `front` to the world direction `facing`, after a roll about `front`, in radians. */
export function turn(front: Vec3, facing: Vec3, roll: number): Rotation {
  const [u, v] = tangents(front);
  const [a, b] = tangents(facing);
  const c = cos(roll);
  const s = sin(roll);
  const p = add(scale(a, c), scale(b, s)); // where u goes
  const q = sub(scale(b, c), scale(a, s)); // where v goes
  const row = (i: 0 | 1 | 2): Vec3 => add(add(scale(facing, front[i]), scale(p, u[i])), scale(q, v[i]));
  return [row(0), row(1), row(2)];
}

const decoded = Float64Array.from({ length: 256 }, (_, byte) => linearFromSrgb(byte / 255));

/** Linear-light colour of an sRGB hex number, 0xrrggbb. */
export const rgb = (hex: number): Vec3 => [
  decoded[(hex >> 16) & 255]!,
  decoded[(hex >> 8) & 255]!,
  decoded[hex & 255]!,
];
