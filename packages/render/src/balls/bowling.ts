// A bowling ball: polished resin, often marbled, with a thumb hole and two finger holes; pins wait behind it.
import { inside, smoothstep } from "../exact.ts";
import { fbm } from "../noise.ts";
import type { BallKind, Body, Surface } from "../scene.ts";
import { dot, mix, normalize, rgb, scale, upright, type Vec3 } from "../vec.ts";

const thumb = normalize([0, -0.3, 1]);
const fingers = [normalize([-0.155, 0.2, 1]), normalize([0.155, 0.2, 1])] as const;

const holes: readonly (readonly [Vec3, number])[] = [
  [thumb, 0.125],
  [fingers[0], 0.105],
  [fingers[1], 0.105],
];

/** Depth inside the nearest hole: positive within, in radii from the rim. */
function holeDepth(p: Vec3): number {
  let most = -1;
  for (const [axis, radius] of holes) {
    const c = dot(p, axis);
    if (c < 0.9) continue;
    most = Math.max(most, radius - Math.sqrt(Math.max(0, 2 - 2 * c)));
  }
  return most;
}

const schemes: readonly (readonly [Vec3, Vec3, Vec3])[] = [
  [rgb(0x0e1f6e), rgb(0x2a5fd0), rgb(0x0a0d24)],
  [rgb(0x0b0b0e), rgb(0x15151a), rgb(0x202028)],
  [rgb(0x8a0f1c), rgb(0xd6343a), rgb(0x2a060c)],
  [rgb(0x4a1478), rgb(0x1f5fc0), rgb(0x120824)],
  [rgb(0x0d5a50), rgb(0x37b39a), rgb(0x06201e)],
  [rgb(0xc2531a), rgb(0xe8a13c), rgb(0x301008)],
];

const enamel: Surface = {
  paint: () => ({ albedo: rgb(0xefebe2), specular: 0.05, roughness: 0.25 }),
};
const neck: Surface = {
  paint(p, footprint) {
    const stripe = Math.max(
      inside(Math.abs(p[1] + 0.12), 0.1, 0.02 + footprint),
      inside(Math.abs(p[1] - 0.3), 0.1, 0.02 + footprint),
    );
    return { albedo: mix(rgb(0xefebe2), rgb(0xb3161d), stripe), specular: 0.05, roughness: 0.25 };
  },
};

/** A pin of 15 inches next to a ball of 8.5 inches across, from three ellipsoids. */
function pin(x: number, z: number): Body[] {
  return [
    { centre: [x, 1, z], axes: [0.56, 1.25, 0.56], rotation: upright, surface: enamel },
    { centre: [x, 2.35, z], axes: [0.27, 1, 0.27], rotation: upright, surface: neck },
    { centre: [x, 3.08, z], axes: [0.32, 0.46, 0.32], rotation: upright, surface: enamel },
  ];
}

export const bowling: BallKind = {
  variants: schemes.length,
  elevation: [0.1, 0.3],
  grounds: ["lane", "lane", "lane", "studio"],
  design(rng, variant) {
    const [first, second, third] = schemes[variant]!;
    const shift = rng.range(0, 40);
    const swirl = rng.range(1.2, 2);
    return {
      front: [0, 0, 1],
      spread: 0.55,
      roll: [-0.8, 0.8],
      surface: {
        grain: 0.006,
        height: (p) => -0.05 * smoothstep(-0.022, 0.012, holeDepth(p)),
        paint(p, footprint) {
          const depth = holeDepth(p);
          const hole = inside(-depth, 0, 0.004 + 0.5 * footprint);
          if (hole > 0.98)
            return { albedo: scale(third, 0.1 + 0.2 * smoothstep(0.05, 0, depth)), specular: 0, roughness: 1 };
          const x = p[0];
          const y = p[1];
          const z = p[2];
          const warp = fbm(x * swirl + shift, y * swirl, z * swirl, 3);
          const warp2 = fbm(x * swirl, y * swirl + shift, z * swirl + 8, 3);
          const vein = fbm(x * swirl + 3 * warp, y * swirl + 3 * warp2 + shift, z * swirl + 2 * warp, 4);
          const marble = mix(mix(first, second, smoothstep(0.45, 0.68, vein)), third, smoothstep(0.45, 0.25, vein));
          return { albedo: scale(marble, 1 - 0.95 * hole), specular: 0.055 * (1 - hole), roughness: 0.03 };
        },
      },
    };
  },
  company(rng, _towardsCamera, ground) {
    if (ground !== "lane" || rng.chance(0.25)) return [];
    const shift = rng.range(-2, 2);
    const far = rng.range(-16, -10);
    const rack: Body[] = [];
    for (let row = 0; row < 3; row++)
      for (let i = 0; i <= row; i++) rack.push(...pin(shift + (i - row / 2) * 2.3, far - row * 2));
    return rack;
  },
};
