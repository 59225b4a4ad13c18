// A rugby ball: a prolate ellipsoid of four panels with printed bands towards the points; the old leather kind has a lace.
import { inside, smoothstep } from "../exact.ts";
import { gridDistance } from "../geodesic.ts";
import { fbm, noise, visible } from "../noise.ts";
import type { BallKind } from "../scene.ts";
import { mix, rgb, scale, type Vec3 } from "../vec.ts";

const schemes: readonly (readonly [Vec3, Vec3])[] = [
  [rgb(0x1c3f94), rgb(0xc8202c)],
  [rgb(0x17181a), rgb(0xd21f2b)],
  [rgb(0x1b7a43), rgb(0x17181a)],
  [rgb(0x2a62b8), rgb(0x8fb8e0)],
];

/** Distance to the nearest of the four seams, which run from point to point, in radii. */
const seamDistance = (p: Vec3): number => Math.min(Math.abs(p[1]), Math.abs(p[2])) * 0.9;

/** The lace of a leather ball: a slit with eight cross-stitches, along x on the seam z = 0, y > 0. */
function lace([x, y, z]: Vec3): number {
  if (y < 0 || Math.abs(x) > 0.36) return 0;
  const bar = inside(Math.abs(x * 14 - Math.round(x * 14)), 0.2, 0.06) * inside(Math.abs(z), 0.11, 0.012);
  return Math.max(bar, inside(Math.abs(z), 0.014, 0.006));
}

export const rugby: BallKind = {
  variants: schemes.length + 1,
  grounds: ["grass", "grass", "grass", "studio"],
  grass: { height: 0.3, blade: 0.05 },
  design(rng, variant) {
    const leather = variant === schemes.length;
    const [first, second] = schemes[variant % schemes.length]!;
    const shift = rng.range(0, 30);
    const dirt = rng.range(0, 0.3);
    const start = rng.range(0.4, 0.5);
    const sweep = rng.range(0.1, 0.2);
    const hide = rng.pick<Vec3>([rgb(0x7c4a28), rgb(0x8f5a30)]);
    const base = rgb(0xf1f0ea);

    const printed = (p: Vec3): Vec3 => {
      const x = p[0];
      const y = p[1];
      const z = p[2];
      const r2 = y * y + z * z + 1e-6;
      // cos of twice the longitude: bands bow towards the points in the middle of each panel.
      const bow = sweep * ((2 * y * z) / r2) * (x > 0 ? 1 : -1);
      const u = Math.abs(x) + bow;
      if (u > start + 0.26) return first;
      if (u > start + 0.2) return base;
      if (u > start + 0.07) return second;
      // A badge in the middle of two panels.
      const badge = (x * x) / 0.09 + ((y - z) * (y - z)) / 0.1;
      if (y * z > 0 && badge < 1)
        return badge > 0.78 ? first : badge > 0.62 ? base : Math.abs(x) + Math.abs(y - z) * 0.8 < 0.13 ? second : first;
      return base;
    };

    return {
      axes: [1.36, 0.9, 0.9],
      front: leather ? [0, 0.85, 0.53] : [0, Math.SQRT1_2, Math.SQRT1_2],
      spread: 0.45,
      roll: rng.chance(0.5) ? [-0.5, 0.5] : [-0.9, 0.9],
      surface: {
        grain: 0.007,
        height(p) {
          const groove = smoothstep(0.045, 0, seamDistance(p));
          const grip = leather
            ? noise(p[0] * 60, p[1] * 60, p[2] * 60) * 0.3
            : smoothstep(0.8, 0.3, gridDistance(p, 34));
          return -0.022 * groove * groove + 0.0022 * grip + (leather ? 0.02 * lace(p) : 0);
        },
        paint(p, footprint) {
          const line = inside(seamDistance(p), 0.006, 0.004 + 0.4 * footprint);
          const patch = fbm(p[0] * 3 + shift, p[1] * 3, p[2] * 3, 4);
          if (leather) {
            const tone = scale(hide, 0.7 + 0.6 * patch);
            const laced = mix(scale(tone, 1 - 0.6 * line), rgb(0xd9cdb4), lace(p));
            return { albedo: laced, specular: 0.04, roughness: 0.45 };
          }
          const dots = 0.12 * smoothstep(0.6, 0.4, gridDistance(p, 34)) * visible(24, footprint);
          const stained = mix(printed(p), rgb(0x5c5238), dirt * smoothstep(0.45, 0.8, patch));
          return { albedo: scale(stained, (1 - 0.5 * line) * (1 - dots)), specular: 0.04, roughness: 0.48 };
        },
      },
    };
  },
};
