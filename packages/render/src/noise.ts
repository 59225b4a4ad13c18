// Value noise on an integer lattice and its sums: the dirt, marble, felt and grain of every surface.
import { hash01 } from "./rng.ts";

const corner = (x: number, y: number, z: number): number =>
  hash01(Math.imul(x, 0x1b873593) ^ Math.imul(y, 0x2c1b3c6d) ^ Math.imul(z, 0x297a2d39));

/** Smooth noise in 0..1 with one feature per unit length. */
export function noise(x: number, y: number, z: number): number {
  const i = Math.floor(x);
  const j = Math.floor(y);
  const k = Math.floor(z);
  const fx = x - i;
  const fy = y - j;
  const fz = z - k;
  const u = fx * fx * (3 - 2 * fx);
  const v = fy * fy * (3 - 2 * fy);
  const w = fz * fz * (3 - 2 * fz);
  const c00 = corner(i, j, k) * (1 - u) + corner(i + 1, j, k) * u;
  const c10 = corner(i, j + 1, k) * (1 - u) + corner(i + 1, j + 1, k) * u;
  const c01 = corner(i, j, k + 1) * (1 - u) + corner(i + 1, j, k + 1) * u;
  const c11 = corner(i, j + 1, k + 1) * (1 - u) + corner(i + 1, j + 1, k + 1) * u;
  return (c00 * (1 - v) + c10 * v) * (1 - w) + (c01 * (1 - v) + c11 * v) * w;
}

/** Sum of `octaves` noises, each twice as fine and half as strong; in 0..1, mean one half. */
export function fbm(x: number, y: number, z: number, octaves: number): number {
  let sum = 0;
  let weight = 0.5;
  for (let o = 0; o < octaves; o++) {
    // Turned by an orthogonal matrix of thirds: the lattices of two octaves, or of one and a wall, must not line up, or squares show.
    const u = (2 * x - y + 2 * z) / 3 + 17.3;
    const v = (2 * x + 2 * y - z) / 3 - 9.1;
    const w = (2 * y - x + 2 * z) / 3 + 4.7;
    sum += weight * noise(u, v, w);
    weight *= 0.5;
    x = 2 * u;
    y = 2 * v;
    z = 2 * w;
  }
  return sum / (1 - 2 * weight);
}

/** How much of a texture with `frequency` features per unit survives a pixel of width `footprint`: the texture's own antialiasing. */
export function visible(frequency: number, footprint: number): number {
  const x = frequency * footprint;
  return 1 / (1 + 4 * x * x * x * x);
}
