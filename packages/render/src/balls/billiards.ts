// Billiard balls: phenolic resin, solids 1-8 and stripes 9-15, a number on a white disc on two sides, on the table's cloth.

import { numberDistance } from "../digits.ts";
import { inside } from "../exact.ts";
import type { Rng } from "../rng.ts";
import type { BallKind, Body, Design, Surface } from "../scene.ts";
import { add, along, cross, mix, normalize, rgb, scale, turn, type Vec3 } from "../vec.ts";

const ivory = rgb(0xf3eedf);
const ink = rgb(0x131316);
const colours = [0xe9b41c, 0x1d3f9e, 0xc4222a, 0x4b2580, 0xe2661e, 0x1c6e43, 0x7a1a22, 0x141417].map(rgb);
const DISC = 0.46;

/** 0 is the cue ball. */
function resin(value: number): Surface {
  const colour = value === 0 ? ivory : colours[(value - 1) % 8]!;
  const stripe = value > 8;
  return {
    paint(p, footprint) {
      const soft = 0.004 + 0.5 * footprint;
      let albedo = colour;
      if (stripe) albedo = mix(ivory, colour, inside(Math.abs(p[1]), 0.55, soft));
      const r = Math.sqrt(p[0] * p[0] + p[1] * p[1]);
      if (value > 0 && r < DISC + soft) {
        albedo = mix(albedo, ivory, inside(r, DISC, soft));
        // Seen from behind, the number on the far disc must not be mirrored.
        const x = (p[2] > 0 ? p[0] : -p[0]) / 0.21;
        const y = p[1] / 0.21;
        const size = value > 9 ? 1.15 : 1;
        const stroke = numberDistance(value, x * size, y * size) / size - 0.15;
        albedo = mix(albedo, ink, inside(stroke, 0, (soft + 0.002) / 0.21));
        if (value === 6 || value === 9)
          albedo = mix(albedo, ink, inside(Math.max(Math.abs(x) - 0.5, Math.abs(y + 1.35) - 0.07), 0, 0.05));
      }
      return { albedo, specular: 0.055, roughness: 0.02 };
    },
  };
}

function neighbours(rng: Rng, towardsCamera: Vec3): Body[] {
  const bodies: Body[] = [];
  const count = 1 + rng.below(4);
  const places: Vec3[] = [[0, 1, 0]];
  for (let attempt = 0; bodies.length < count && attempt < 40; attempt++) {
    // Behind or beside the ball, never in front of it.
    const centre: Vec3 = [rng.range(-4.5, 4.5), 1, rng.range(-7, 0.3)];
    if (Math.abs(centre[0]) < 1.6 && centre[2] > -3) continue;
    if (places.some((q) => (q[0] - centre[0]) * (q[0] - centre[0]) + (q[2] - centre[2]) * (q[2] - centre[2]) < 4.2))
      continue;
    places.push(centre);
    const facing = normalize(add(towardsCamera, scale(rng.direction(), 0.8)));
    bodies.push({
      centre,
      axes: [1, 1, 1],
      rotation: turn([0, 0, 1], facing, rng.range(-1, 1)),
      surface: resin(rng.below(16)),
    });
  }
  return bodies;
}

/** Fifteen in a triangle behind the ball, which is its apex. */
function rack(rng: Rng, towardsCamera: Vec3): Body[] {
  const bodies: Body[] = [];
  const across = normalize(cross(towardsCamera, [0, 1, 0]));
  let value = 1 + rng.below(15);
  for (let row = 1; row < 4; row++) {
    for (let i = 0; i <= row; i++) {
      value = (value % 15) + 1;
      const centre = along([0, 1, -1.735 * row], (i - row / 2) * 2.005, across);
      const facing = normalize(add(towardsCamera, scale(rng.direction(), 0.6)));
      bodies.push({
        centre,
        axes: [1, 1, 1],
        rotation: turn([0, 0, 1], facing, rng.range(-1, 1)),
        surface: resin(value),
      });
    }
  }
  return bodies;
}

export const billiards: BallKind = {
  variants: 16,
  grounds: ["cloth", "cloth", "cloth", "studio"],
  design(rng, variant): Design {
    // Variant 0 is the eight; the others are the ball with that number.
    return {
      front: [0, 0, 1],
      spread: 0.35,
      roll: [-0.5, 0.5],
      surface: resin(variant === 0 ? 8 : rng.chance(0.05) ? 0 : variant),
    };
  },
  company(rng, towardsCamera, ground) {
    if (ground !== "cloth") return [];
    return rng.chance(0.3) ? rack(rng, towardsCamera) : neighbours(rng, towardsCamera);
  },
};
