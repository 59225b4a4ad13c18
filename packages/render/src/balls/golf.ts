// A golf ball: white, with 362 dimples on an icosahedral grid, which is how most real ones are laid out.
import { inside, smoothstep } from "../exact.ts";
import { gridDistance } from "../geodesic.ts";
import { fbm } from "../noise.ts";
import type { BallKind } from "../scene.ts";
import { mix, rgb } from "../vec.ts";

const STEPS = 6;
const DIMPLE = 0.88; // radius, in half spacings

export const golf: BallKind = {
  variants: 3,
  grounds: ["grass", "grass", "grass", "studio", "studio"],
  grass: { height: 0.55, blade: 0.085 },
  design(rng, variant) {
    const cover = [rgb(0xf4f4f2), rgb(0xf4f4f2), rgb(0xe3ea3a)][variant]!;
    const shift = rng.range(0, 30);
    return {
      front: rng.direction(),
      spread: 0,
      roll: [0, 6.28],
      surface: {
        grain: 0.012,
        height(p) {
          const d = gridDistance(p, STEPS) / DIMPLE;
          if (d >= 1) return 0;
          // A bowl with a rounded rim.
          return -0.03 * (1 - d * d) * smoothstep(1, 0.82, d);
        },
        paint(p, footprint) {
          const d = gridDistance(p, STEPS) / DIMPLE;
          // Less sky reaches the bottom of a dimple.
          const pit = 0.1 * inside(d, 0.8, 0.2 + 6 * footprint);
          const stain = 0.12 * smoothstep(0.55, 0.8, fbm(p[0] * 2 + shift, p[1] * 2, p[2] * 2, 3));
          return { albedo: mix(cover, rgb(0x9a9a8c), pit + stain), specular: 0.05, roughness: 0.3 };
        },
      },
    };
  },
};
