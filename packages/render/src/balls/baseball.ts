// A baseball: two white hides sewn with 108 double stitches of red thread.
import { inside, smoothstep } from "../exact.ts";
import { fbm, noise } from "../noise.ts";
import type { BallKind } from "../scene.ts";
import { seamArc, seamLength, seamSide } from "../seam.ts";
import { mix, rgb, scale, type Vec3 } from "../vec.ts";

const STITCHES = 108;
const REACH = 0.085; // how far a stitch goes to each side of the seam, in radii

/** How much a point is red thread, 0..1: slanted strokes that make Vs across the seam. */
function thread(p: Vec3, footprint: number): number {
  const side = seamSide(p);
  const d = Math.abs(side);
  if (d > REACH + 0.02) return 0;
  const t = (seamArc(p) / seamLength) * STITCHES - d * 11;
  const stroke = inside(Math.abs(t - Math.round(t)), 0.24, 0.07 + 8 * footprint);
  return stroke * inside(Math.abs(d - 0.048), 0.037, 0.006 + 0.5 * footprint);
}

export const baseball: BallKind = {
  variants: 2,
  grounds: ["grass", "clay", "studio", "studio", "table"],
  grass: { height: 0.3, blade: 0.06 },
  design(rng, variant) {
    const hide = variant === 0 ? rgb(0xf1ede2) : rgb(0xe3d6b8);
    const cotton = rng.pick<Vec3>([rgb(0xb8161f), rgb(0xa51c24)]);
    const shift = rng.range(0, 30);
    const dirt = rng.range(0, 0.35) + 0.3 * variant;
    return {
      front: rng.pick<Vec3>([
        [0, 0, 1],
        [0.3, 0.1, 0.95],
        [0.5, 0.5, Math.SQRT1_2],
      ]),
      spread: 0.5,
      roll: [0, 6.28],
      surface: {
        grain: 0.008,
        height(p) {
          const d = Math.abs(seamSide(p));
          const welt = 0.012 * smoothstep(0.13, 0.04, d) - 0.01 * smoothstep(0.012, 0, d);
          return welt + 0.012 * thread(p, 0.004) + 0.0012 * noise(p[0] * 38, p[1] * 38, p[2] * 38);
        },
        paint(p, footprint) {
          const patch = fbm(p[0] * 3 + shift, p[1] * 3, p[2] * 3, 4);
          const stained = mix(hide, rgb(0x8d7754), dirt * smoothstep(0.48, 0.8, patch));
          const join = inside(Math.abs(seamSide(p)), 0.004, 0.004 + 0.5 * footprint);
          return {
            albedo: mix(scale(stained, 1 - 0.45 * join), cotton, thread(p, footprint)),
            specular: 0.04,
            roughness: 0.5,
          };
        },
      },
    };
  },
};
