// A basketball: eight pebbled panels between two great circles and two bowed ovals.
import { inside, smoothstep } from "../exact.ts";
import { gridDistance } from "../geodesic.ts";
import { fbm, noise, visible } from "../noise.ts";
import type { BallKind } from "../scene.ts";
import { mix, rgb, scale, type Vec3 } from "../vec.ts";

const PEBBLES = 44;

/** Distance to the nearest seam on the unit sphere, good near one. */
function seamDistance(p: Vec3): number {
  const x = p[0];
  const y = p[1];
  const oval = Math.abs(Math.abs(x) - (0.46 + 0.3 * y * y)) * 1.08;
  return Math.min(oval, Math.abs(x), Math.abs(y));
}

export const basketball: BallKind = {
  variants: 3,
  grounds: ["hardwood", "hardwood", "studio", "acrylic"],
  design(rng, variant) {
    const leather = [rng.pick<Vec3>([rgb(0xc8632a), rgb(0xb9552a), rgb(0xd0702f)]), rgb(0x9c4226), rgb(0xd9772b)][
      variant
    ]!;
    const wear = rng.range(0.05, 0.3);
    const shift = rng.range(0, 30);
    return {
      front: [0, 0, 1],
      spread: 0.75,
      roll: [0, 6.28],
      surface: {
        grain: 0.006,
        height(p) {
          const d = seamDistance(p);
          const channel = smoothstep(0.034, 0.014, d);
          if (channel > 0.99) return -0.016;
          const pebble = gridDistance(p, PEBBLES);
          return -0.016 * channel + 0.0035 * (1 - channel) * smoothstep(0.95, 0.3, pebble);
        },
        paint(p, footprint) {
          const line = inside(seamDistance(p), 0.023, 0.004 + 0.5 * footprint);
          const patch = fbm(p[0] * 3 + shift, p[1] * 3, p[2] * 3, 3);
          const fine = noise(p[0] * 45, p[1] * 45 + shift, p[2] * 45) - 0.5;
          const tone = 1 + 0.25 * (patch - 0.5) + 0.3 * fine * visible(45, footprint);
          const colour = mix(scale(leather, tone), rgb(0x5d3a24), wear * smoothstep(0.5, 0.8, patch));
          return { albedo: mix(colour, rgb(0x16130f), line), specular: 0.04, roughness: 0.5 };
        },
      },
    };
  },
};
