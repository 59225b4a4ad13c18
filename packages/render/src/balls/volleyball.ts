// A volleyball: eighteen panels, three strips on each face of a cube, the strips of neighbouring faces at right angles.
import { inside, smoothstep } from "../exact.ts";
import { fbm, noise } from "../noise.ts";
import type { BallKind } from "../scene.ts";
import { rgb, scale, type Vec3 } from "../vec.ts";

interface Strip {
  /** -1, 0, 1: which of a face's three strips. */
  readonly index: number;
  readonly face: number;
  /** Distance to the nearest seam on the unit sphere, roughly. */
  readonly depth: number;
}

// Strips are wider in the middle of the ball than flat cuts would make them; this bend gives the seams their bow.
const BOW = 0.16;
const HALF_STRIP = 0.29;

function strip(p: Vec3): Strip {
  const a = [Math.abs(p[0]), Math.abs(p[1]), Math.abs(p[2])] as const;
  const axis = a[0] > a[1] && a[0] > a[2] ? 0 : a[1] > a[2] ? 1 : 2;
  const across = p[(axis + 1) % 3]!;
  const lengthwise = p[(axis + 2) % 3]!;
  const major = a[axis]!;
  const u = across / (major * (1 - BOW) + BOW) / (1 - 0.35 * lengthwise * lengthwise);
  const index = u > HALF_STRIP ? 1 : u < -HALF_STRIP ? -1 : 0;
  const seam = Math.abs(Math.abs(u) - HALF_STRIP) * 0.8;
  const rim = (major - Math.max(Math.abs(across), Math.abs(lengthwise))) * Math.SQRT1_2;
  return { index, face: axis * 2 + (p[axis]! > 0 ? 1 : 0), depth: Math.min(seam, rim) };
}

const white = rgb(0xf2f1ec);
const schemes: readonly (readonly [Vec3, Vec3, Vec3])[] = [
  [rgb(0xf2c21b), white, rgb(0x1f4fa8)],
  [white, white, white],
  [rgb(0x1f4fa8), rgb(0xf2c21b), rgb(0x1f4fa8)],
  [rgb(0xc3242c), white, rgb(0x1e6b46)],
];

export const volleyball: BallKind = {
  variants: schemes.length,
  grounds: ["sand", "hardwood", "studio", "studio"],
  design(rng, variant) {
    const colours = schemes[variant]!;
    const shift = rng.range(0, 30);
    const dirt = rng.range(0, 0.2);
    // At a corner of the cube three groups of strips meet, which is what one knows a volleyball by.
    const corner = () => (rng.chance(0.5) ? 1 : -1) * Math.sqrt(1 / 3);
    return {
      front: [corner(), corner(), corner()],
      spread: 0.6,
      roll: [0, 6.28],
      surface: {
        grain: 0.008,
        height(p) {
          const groove = smoothstep(0.05, 0, strip(p).depth);
          return -0.018 * groove * groove + 0.0014 * noise(p[0] * 55, p[1] * 55, p[2] * 55);
        },
        paint(p, footprint) {
          const { index, depth } = strip(p);
          const line = inside(depth, 0.006, 0.005 + 0.5 * footprint);
          const stain = 1 - dirt * fbm(p[0] * 2.5 + shift, p[1] * 2.5, p[2] * 2.5, 3);
          return { albedo: scale(colours[index + 1]!, stain * (1 - 0.6 * line)), specular: 0.045, roughness: 0.45 };
        },
      },
    };
  },
};
