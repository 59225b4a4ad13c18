// What the ball lies on: lawn, court, lane, cloth, clay, sand, a studio's white floor.
import type { Place } from "./environment.ts";
import { inside, smoothstep } from "./exact.ts";
import { fbm, noise, visible } from "./noise.ts";
import { hash01, type Rng } from "./rng.ts";
import type { Ground, GroundName, Material } from "./scene.ts";
import { mix, rgb, scale, type Vec3 } from "./vec.ts";

interface GroundKind {
  readonly places: readonly [Place, ...Place[]];
  create(rng: Rng, lawn: { readonly height: number; readonly blade: number }): Ground;
}

/** Detail of `fine` noise around the mean 1, `depth` strong, gone where it is finer than a pixel. */
const speckle = (x: number, z: number, frequency: number, depth: number, footprint: number): number =>
  1 + depth * visible(frequency, footprint) * 2 * (noise(x * frequency, 7, z * frequency) - 0.5);

const dull = (albedo: Vec3): Material => ({ albedo, specular: 0, roughness: 1 });

function boards(rng: Rng, width: number, tones: readonly [Vec3, Vec3], gloss: number, dark: number): Ground {
  const shift = rng.range(0, 10);
  const slope = rng.range(-0.5, 0.5); // boards run away from the camera, more or less
  return {
    mean: mix(tones[0], tones[1], 0.5),
    paint(x, z, footprint) {
      const across = (x + slope * z) / width + shift;
      const board = Math.floor(across);
      const runs = z / (width * 9) + 7 * hash01(board);
      const plank = hash01(Math.imul(board, 7919) + Math.floor(runs));
      const grain =
        noise(across * 9, 2, z * 0.5 + 30 * plank) * 0.5 + noise(across * 26, 2, z * 1.1 + 30 * plank) * 0.5;
      const detail = visible(9 / width, footprint);
      const joint = Math.min(
        Math.abs(across - Math.round(across)) * width,
        Math.abs(runs - Math.round(runs)) * width * 9,
      );
      const gap = dark * inside(joint, 0.006 + 0.3 * footprint, 0.004 + footprint) * visible(0.5 / width, footprint);
      const tone = mix(
        tones[0],
        tones[1],
        0.5 + (plank - 0.5) * 0.9 * visible(1 / width, footprint) + (grain - 0.5) * 0.7 * detail,
      );
      return { albedo: scale(tone, 1 - gap), specular: 0.04, roughness: gloss };
    },
  };
}

const kinds: Record<GroundName, GroundKind> = {
  grass: {
    places: ["field"],
    create(rng, { height, blade }) {
      const [dark, light] = rng.pick<readonly [Vec3, Vec3]>([
        [rgb(0x46661f), rgb(0x98bd4c)],
        [rgb(0x3a6a28), rgb(0x82b854)],
        [rgb(0x57702a), rgb(0xadc264)],
      ]);
      return { mean: mix(dark, light, 0.45), paint: () => dull(dark), grass: { height, blade, dark, light } };
    },
  },
  hardwood: {
    places: ["hall"],
    create(rng) {
      const tones = rng.pick<readonly [Vec3, Vec3]>([
        [rgb(0xa8733d), rgb(0xdcae74)],
        [rgb(0xb98449), rgb(0xe6c08a)],
        [rgb(0x8f5a2e), rgb(0xc48d55)],
      ]);
      return boards(rng, 0.5, tones, 0.12, 0.5);
    },
  },
  lane: {
    places: ["hall"],
    create: (rng) => boards(rng, 0.26, [rgb(0xb07a41), rgb(0xe3b878)], 0.05, 0.35),
  },
  table: {
    places: ["hall"],
    create: (rng) => boards(rng, 1.7, [rgb(0x6a4326), rgb(0xa87847)], 0.14, 0.6),
  },
  cloth: {
    places: ["hall"],
    create(rng) {
      const tone = rng.pick<Vec3>([rgb(0x1e7a46), rgb(0x1e7a46), rgb(0x23805a), rgb(0x2a6f9e)]);
      return {
        mean: tone,
        paint(x, z, footprint) {
          const weave = speckle(x, z, 38, 0.16, footprint) * speckle(x, z, 11, 0.06, footprint);
          return { albedo: scale(tone, weave), specular: 0, roughness: 1, sheen: 0.05 };
        },
      };
    },
  },
  clay: {
    places: ["field"],
    create(rng) {
      const tone = rng.pick<Vec3>([rgb(0xb5623c), rgb(0xa9744d), rgb(0xbf7a52)]);
      return {
        mean: tone,
        paint(x, z, footprint) {
          const lumps = fbm(2.1 * x, 1, 2.1 * z, 3);
          const crumbs = noise(24 * x, 2, 24 * z);
          const stone = smoothstep(0.78, 0.86, crumbs) * visible(24, footprint);
          const grit = speckle(x, z, 40, 0.18, footprint);
          return dull(scale(tone, (0.75 + 0.5 * lumps) * grit * (1 + 0.35 * stone)));
        },
      };
    },
  },
  acrylic: {
    places: ["field"],
    create(rng) {
      const tone = rng.pick<Vec3>([rgb(0x3a6ea5), rgb(0x3d7a55), rgb(0x355f93), rgb(0xa0543c)]);
      const slope = rng.range(-0.6, 0.6);
      const offset = rng.range(-2.6, -1.2);
      const width = rng.range(0.6, 1);
      return {
        mean: tone,
        paint(x, z, footprint) {
          const line = inside(Math.abs(z - offset * 1.4 + slope * x), width * 0.5, 0.02 + footprint);
          const worn = 0.85 + 0.2 * noise(7 * x, 4, 7 * z);
          const grit = speckle(x, z, 30, 0.16, footprint);
          return dull(scale(mix(tone, scale(rgb(0xf2f2ee), worn), line), grit));
        },
      };
    },
  },
  sand: {
    places: ["field"],
    create(rng) {
      const tone = rng.pick<Vec3>([rgb(0xd6bf94), rgb(0xe0cda8), rgb(0xcbb185)]);
      return {
        mean: tone,
        paint(x, z, footprint) {
          const dunes = fbm(1.1 * x, 6, 1.6 * z, 3);
          return dull(scale(tone, (0.72 + 0.5 * dunes) * speckle(x, z, 34, 0.2, footprint)));
        },
      };
    },
  },
  studio: {
    places: ["studio"],
    create: () => ({ mean: [0.8, 0.8, 0.8], seamless: true, paint: () => dull([0.85, 0.85, 0.85]) }),
  },
};

export interface Setting {
  readonly place: Place;
  readonly ground: Ground;
}

export function createSetting(
  name: GroundName,
  rng: Rng,
  lawn: { readonly height: number; readonly blade: number },
): Setting {
  const kind = kinds[name];
  return { place: rng.pick(kind.places), ground: kind.create(rng, lawn) };
}
