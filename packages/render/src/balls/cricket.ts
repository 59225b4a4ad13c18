// A cricket ball: lacquered red leather in two halves, held by a proud seam with six rows of stitches.
import { inside, smoothstep } from "../exact.ts";
import { fbm, noise, visible } from "../noise.ts";
import type { BallKind } from "../scene.ts";
import { mix, rgb, scale, type Vec3 } from "../vec.ts";

const ROWS = [0.03, 0.075, 0.12] as const;
const STITCHES = 13; // a quarter turn

/**
 * An angle-like coordinate around the seam axis z, 0..4 for a full turn: exact without an arc tangent, near enough to even for stitches.
 */
function around(x: number, y: number): number {
  const s = Math.abs(x) + Math.abs(y) + 1e-9;
  const t = Math.abs(y) / s;
  // The odd cubic undoes the diamond's unevenness to within two per cent.
  const c = 2 * t - 1;
  const even = 0.5 + 0.5 * c * (1.2732 - 0.2732 * c * c);
  const quarter = x >= 0 ? even : 2 - even;
  return y >= 0 ? quarter : 4 - quarter;
}

/** How much a point is thread, 0..1; rows of slanted dashes on both sides of the join. */
function thread(p: Vec3, footprint: number): number {
  const d = Math.abs(p[2]);
  if (d > 0.15) return 0;
  const side = p[2] > 0 ? 1 : -1;
  let most = 0;
  ROWS.forEach((row, i) => {
    const slant = i === 1 ? -1 : 1;
    const t = around(p[0], p[1]) * STITCHES + slant * side * (d - row) * 6 + 0.5 * (i & 1);
    const dash = inside(Math.abs(t - Math.round(t)), 0.31, 0.06 + 6 * footprint);
    most = Math.max(most, dash * inside(Math.abs(d - row), 0.0155, 0.004 + 0.5 * footprint));
  });
  return most;
}

export const cricket: BallKind = {
  variants: 3,
  grounds: ["grass", "grass", "studio", "studio", "clay"],
  grass: { height: 0.3, blade: 0.06 },
  design(rng, variant) {
    const leather = [rng.pick<Vec3>([rgb(0x9c1a1e), rgb(0xa81d22), rgb(0x86161b)]), rgb(0xece9e0), rgb(0xd8366e)][
      variant
    ]!;
    const cotton = variant === 1 ? rgb(0x3f6b4a) : rgb(0xe9dfc8);
    const wear = rng.range(0.05, 0.4);
    const shift = rng.range(0, 30);
    const shine = rng.range(0.2, 0.34);
    return {
      front: [0.8, 0, rng.range(0.35, 0.6)],
      spread: 0.3,
      roll: [0, 6.28],
      surface: {
        grain: 0.006,
        height(p) {
          const d = Math.abs(p[2]);
          const welt = 0.022 * smoothstep(0.16, 0.11, d);
          const join = -0.012 * smoothstep(0.012, 0, d);
          const quarter = -0.004 * smoothstep(0.012, 0, Math.abs(p[1])) * smoothstep(0.15, 0.2, d);
          return welt + join + quarter + 0.012 * thread(p, 0) + 0.0012 * noise(p[0] * 40, p[1] * 40, p[2] * 40);
        },
        paint(p, footprint) {
          const d = Math.abs(p[2]);
          const patch = fbm(p[0] * 3 + shift, p[1] * 3, p[2] * 3, 4);
          const scuff = wear * smoothstep(0.52, 0.75, patch) * (0.6 + 0.8 * noise(p[0] * 30, p[1] * 30, p[2] * 30));
          const worn = mix(leather, scale(mix(leather, rgb(0x9b7a62), 0.5), 1), scuff);
          const join = inside(d, 0.004, 0.004 + 0.5 * footprint) * visible(10, footprint);
          const skin = scale(worn, (0.9 + 0.2 * patch) * (1 - 0.6 * join));
          const stitched = thread(p, footprint);
          return {
            albedo: mix(skin, scale(cotton, 0.85 + 0.2 * patch), stitched),
            specular: stitched > 0.5 ? 0.02 : 0.05,
            roughness: stitched > 0.5 ? 0.8 : shine + 0.5 * scuff,
          };
        },
      },
    };
  },
};
