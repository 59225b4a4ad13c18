// Light and background: a photographer's studio, a field under the sky, a hall under rows of lamps. Backgrounds are out of focus.
import { clamp, cos, inside, sin, smoothstep } from "./exact.ts";
import { fbm, noise } from "./noise.ts";
import type { Rng } from "./rng.ts";
import type { Environment, KeyLight } from "./scene.ts";
import { add, dot, mix, normalize, rgb, scale, tangents, type Vec3 } from "./vec.ts";

export type Place = "studio" | "field" | "hall";

// Azimuth 0 is behind the camera, so the light comes from in front of the ball or from a side, as a photographer would have it.
function keyLight(rng: Rng, elevation: readonly [number, number], size: number, colour: Vec3): KeyLight {
  const height = rng.range(elevation[0], elevation[1]);
  const azimuth = rng.range(-1.1, 1.1);
  const direction: Vec3 = [cos(height) * sin(azimuth), sin(height), cos(height) * cos(azimuth)];
  return { direction, colour, size };
}

// The reflection of a rectangular softbox or window in the direction of the light.
function softbox(key: KeyLight, width: number, height: number): (direction: Vec3) => number {
  const [u, v] = tangents(key.direction);
  return (direction) => {
    const d = dot(direction, key.direction);
    if (d <= 0) return 0;
    return inside(Math.abs(dot(direction, u) / d), width, 0.04) * inside(Math.abs(dot(direction, v) / d), height, 0.04);
  };
}

function studio(rng: Rng): Environment {
  const key = keyLight(rng, [0.7, 1.2], rng.range(0.18, 0.5), scale([1, 0.98, 0.95], rng.range(0.72, 0.85)));
  const tone = rng.pick<Vec3>([
    rgb(0xfafafa),
    rgb(0xfafafa),
    rgb(0xf1f0ee),
    rgb(0xd9dde0),
    rgb(0xbfc7cc),
    rgb(0xdfd6c8),
  ]);
  const fall = rng.range(0, 0.25);
  const box = softbox(key, rng.range(0.2, 0.4), rng.range(0.25, 0.5));
  const side = rng.chance(0.5) ? 1 : -1;
  const backdrop = (d: Vec3): Vec3 => scale(tone, 1 - fall * clamp(0.25 + 1.2 * d[1] + 0.6 * d[0] * d[0], 0, 1));
  return {
    key,
    ambient: scale([1, 1, 1.02], rng.range(0.36, 0.46)),
    backdrop,
    mirror(d) {
      const strip = inside(Math.abs(d[0] * side - 0.85), 0.1, 0.06) * inside(Math.abs(d[1] - 0.3), 0.4, 0.1);
      // A dark studio behind the white set gives a glossy ball its contrast.
      const room = 0.12 + 0.5 * smoothstep(0.3, -0.6, d[1]) + 0.25 * smoothstep(0.2, 0.9, d[1]);
      return scale(add(scale(tone, room), [4.5 * box(d), 4.5 * box(d), 4.5 * box(d)]), 1 + 1.6 * strip);
    },
  };
}

function field(rng: Rng): Environment {
  const overcast = rng.chance(0.3);
  const key = overcast
    ? keyLight(rng, [0.8, 1.2], 0.5, scale([0.97, 0.99, 1], 0.55))
    : keyLight(
        rng,
        [0.5, 1.1],
        0.04,
        scale(
          rng.pick<Vec3>([
            [1, 0.96, 0.88],
            [1, 0.9, 0.74],
          ]),
          rng.range(0.85, 1),
        ),
      );
  const zenith = overcast ? rgb(0xb8c4cf) : rng.pick<Vec3>([rgb(0x5b8fce), rgb(0x6fa3d8), rgb(0x86b2dc)]);
  const horizon = overcast ? rgb(0xdfe4e6) : rgb(0xd6e4ef);
  const leaf = rng.pick<Vec3>([rgb(0x3f5a2b), rgb(0x4b6a35), rgb(0x35502f), rgb(0x5b6e44)]);
  const treeline = rng.range(-0.05, 0.3);
  const shift = rng.range(0, 50);
  const stand = rng.chance(0.3); // a blurred crowd instead of trees
  const backdrop = (d: Vec3): Vec3 => {
    const sky = mix(horizon, zenith, smoothstep(-0.05, 0.6, d[1]));
    const edge = treeline + 0.1 * (noise(6 * d[0] + shift, 0, 6 * d[2]) - 0.5);
    const blobs = fbm(9 * d[0] + shift, 9 * d[1], 9 * d[2], 3);
    let far = mix(scale(leaf, 0.45), scale(leaf, 1.7), smoothstep(0.25, 0.75, blobs));
    if (stand) {
      const seat = (offset: number) => noise(26 * d[0] + offset, 26 * d[1] + shift, 26 * d[2]);
      far = mix(
        rgb(0x4a5262),
        scale([seat(3), seat(3) * 0.4 + seat(31) * 0.6, seat(3) * 0.3 + seat(67) * 0.7], 0.5),
        0.5,
      );
    }
    return mix(far, sky, smoothstep(edge - 0.05, edge + 0.05, d[1]));
  };
  const sunSpot = 1 - 0.5 * key.size * key.size - 0.002;
  return {
    key,
    ambient: scale(mix(zenith, [1, 1, 1], 0.55), overcast ? 0.6 : 0.42),
    backdrop,
    mirror: (d) => add(backdrop(d), scale(key.colour, 5 * smoothstep(sunSpot - 0.006, sunSpot, dot(d, key.direction)))),
  };
}

function hall(rng: Rng): Environment {
  const key = keyLight(rng, [0.7, 1.25], rng.range(0.12, 0.35), scale([1, 0.95, 0.86], rng.range(0.75, 0.92)));
  const wall = rng.pick<Vec3>([rgb(0x8a7f70), rgb(0x5d636b), rgb(0xa79d8b), rgb(0x3c424c), rgb(0x6f6253)]);
  const accent = rng.pick<Vec3>([rgb(0xb04a32), rgb(0x3a5f93), rgb(0xc99b4a), rgb(0x4d7a5b)]);
  const shift = rng.range(0, 50);
  const box = softbox(key, 0.22, 0.34);
  const glow = rng.range(0.02, 0.09);
  // Blurred lamps and windows: round, because the lens is.
  const lamps = Array.from({ length: 7 }, () => normalize([rng.range(-0.7, 0.7), rng.range(0, 0.45), -1]));
  const backdrop = (d: Vec3): Vec3 => {
    const panel = smoothstep(0.35, 0.65, noise(5 * d[0] + shift, 2.5 * d[1], 5 * d[2]));
    const stripe = smoothstep(0.06, 0.1, d[1]) * smoothstep(0.2, 0.16, d[1]);
    let colour = mix(scale(wall, 0.5 + 0.5 * panel), accent, 0.45 * stripe * noise(3 * d[0] + shift, 0, 9));
    for (const lamp of lamps)
      colour = add(colour, scale([1, 0.9, 0.7], 0.5 * inside(1 - dot(d, lamp), glow * glow, glow * glow * 0.25)));
    return colour;
  };
  return {
    key,
    ambient: scale(mix(wall, [1, 0.97, 0.92], 0.75), 0.42),
    backdrop,
    mirror(d) {
      let light = 5 * box(d);
      if (d[1] > 0.15) {
        // Rows of lamps on the ceiling.
        const u = d[0] / d[1] + 0.37 * shift;
        const v = d[2] / d[1] + 0.5;
        light +=
          1.6 *
          inside(Math.abs(u / 1.6 - Math.round(u / 1.6)), 0.11, 0.03) *
          inside(Math.abs(v / 2.2 - Math.round(v / 2.2)), 0.3, 0.03) *
          smoothstep(0.15, 0.5, d[1]);
      }
      return add(scale(backdrop(d), 0.6), [light, light * 0.97, light * 0.9]);
    },
  };
}

const places: Record<Place, (rng: Rng) => Environment> = { studio, field, hall };

export const createEnvironment = (place: Place, rng: Rng): Environment => places[place](rng);
