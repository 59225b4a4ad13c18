// A tennis ball: optic-yellow felt with one white seam.
import { inside, smoothstep } from "../exact.ts";
import { fbm, noise, visible } from "../noise.ts";
import type { BallKind } from "../scene.ts";
import { seamSide } from "../seam.ts";
import { mix, rgb, scale, type Vec3 } from "../vec.ts";

export const tennis: BallKind = {
  variants: 2,
  grounds: ["acrylic", "acrylic", "clay", "grass", "studio"],
  grass: { height: 0.25, blade: 0.06 },
  design(rng, variant) {
    const felt = variant === 0 ? rng.pick<Vec3>([rgb(0xc6dc2c), rgb(0xcfe034), rgb(0xb9d02e)]) : rgb(0xd8cf3a);
    const shift = rng.range(0, 30);
    const dirt = rng.range(0, 0.3);
    return {
      front: rng.pick<Vec3>([
        [1, 0, 0],
        [0.6, 0.6, 0.53],
        [0.2, 0.4, 0.89],
      ]),
      spread: 0.6,
      roll: [0, 6.28],
      surface: {
        grain: 0.012,
        height(p) {
          const groove = smoothstep(0.06, 0.02, Math.abs(seamSide(p)));
          const fuzz =
            noise(p[0] * 34 + shift, p[1] * 34, p[2] * 34) + 0.5 * noise(p[0] * 71, p[1] * 71 + shift, p[2] * 71);
          return -0.02 * groove + 0.011 * fuzz * (1 - 0.8 * groove);
        },
        paint(p, footprint) {
          // Fibres lie over the seam's edge, so that it is ragged.
          const ragged = 0.012 * (noise(p[0] * 40, p[1] * 40, p[2] * 40 + shift) - 0.5);
          const line = inside(Math.abs(seamSide(p)) + ragged, 0.042, 0.008 + 0.5 * footprint);
          const patch = fbm(p[0] * 4 + shift, p[1] * 4, p[2] * 4, 3);
          const fibre =
            noise(p[0] * 60 + shift, p[1] * 25, p[2] * 60) -
            0.5 +
            (noise(p[0] * 25, p[1] * 70, p[2] * 40 + shift) - 0.5);
          const tone = 0.92 + 0.16 * patch + 0.28 * fibre * visible(50, footprint);
          const colour = mix(scale(felt, tone), rgb(0x8a7a4a), dirt * smoothstep(0.5, 0.8, patch));
          return { albedo: mix(colour, rgb(0xeff0e6), line), specular: 0, roughness: 1, sheen: 0.55 };
        },
      },
    };
  },
};
