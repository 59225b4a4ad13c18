// From a name and a seed to a picture: arranges the scene, places the camera, samples every pixel.
import { kinds, LABELS, type Label } from "./balls/table.ts";
import { createEnvironment } from "./environment.ts";
import { clamp, cos, sin, srgbByte } from "./exact.ts";
import { createSetting } from "./grounds.ts";
import { createRng, hash01 } from "./rng.ts";
import type { Body, Camera, Scene } from "./scene.ts";
import { trace } from "./trace.ts";
import { add, along, cross, normalize, type Rotation, scale, sub, tangents, turn, type Vec3 } from "./vec.ts";

export interface RenderOptions {
  readonly ball: Label;
  /** Width and height of a square picture, in pixels; default 256. */
  readonly size?: number;
  readonly width?: number;
  readonly height?: number;
  /** Picks camera, light, orientation, colours and background; any 32-bit integer. */
  readonly seed: number;
  /** Which look of the ball: 0 is the one everybody knows. Left out, the seed picks one, most often 0. */
  readonly variant?: number;
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** RGB, row by row from the top, 3 bytes a pixel. */
  readonly data: Uint8Array;
}

/** How far below its centre an ellipsoid's lowest point lies. */
function reach(axes: Vec3, rotation: Rotation): number {
  let sum = 0;
  for (const i of [0, 1, 2] as const) {
    const drop = axes[i] * rotation[i][1];
    sum += drop * drop;
  }
  return Math.sqrt(sum);
}

function arrange(options: RenderOptions): Scene {
  const kind = kinds[options.ball];
  // The name goes into the seed: otherwise two balls of one seed would share their background and a learner could tell nothing from it.
  const rng = createRng(Math.imul(options.seed, LABELS.length) + LABELS.indexOf(options.ball));
  const variant = options.variant ?? (rng.chance(0.6) ? 0 : rng.below(kind.variants));
  const design = kind.design(rng, clamp(Math.floor(variant), 0, kind.variants - 1));
  const name = rng.pick(kind.grounds);
  const lawn = kind.grass ?? { height: 0.3, blade: 0.05 };
  const { place, ground } = createSetting(name, rng, lawn);
  const environment = createEnvironment(place, rng);

  const elevation = rng.range(...(kind.elevation ?? [0.16, 0.5]));
  const towardsCamera: Vec3 = [0, sin(elevation), cos(elevation)];
  const [u, v] = tangents(towardsCamera);
  const off = rng.range(0, design.spread);
  const around = rng.range(0, 6.2831853);
  const facing = normalize(
    add(scale(towardsCamera, cos(off)), scale(add(scale(u, cos(around)), scale(v, sin(around))), sin(off))),
  );
  const axes = design.axes ?? [1, 1, 1];
  const rotation = turn(design.front, facing, rng.range(design.roll[0], design.roll[1]));
  const sunk = name === "grass" ? 0.35 * lawn.height : 0;
  const ball: Body = { centre: [0, reach(axes, rotation) + sunk, 0], axes, rotation, surface: design.surface };
  const bodies = [ball, ...(kind.company?.(rng, towardsCamera, name) ?? [])];

  const lens = rng.range(0.22, 0.36);
  const fill = rng.range(0.5, 0.82);
  const size = Math.max(...axes);
  const distance = (size * 1.02) / (fill * lens);
  const aim: Vec3 = add(ball.centre, [rng.range(-0.18, 0.18) * size, rng.range(-0.12, 0.12) * size, 0]);
  const eye = along(aim, distance, towardsCamera);
  const forward = normalize(sub(aim, eye));
  const tilt = rng.range(-0.06, 0.06);
  const right = normalize(cross(forward, [sin(tilt), cos(tilt), 0]));
  const camera: Camera = { eye, forward, right, up: cross(right, forward), lens };
  return { bodies, ground, environment, camera };
}

// Linear up to the shoulder, then bent towards 1, as film does with highlights.
const SHOULDER = 0.72;
function tone(x: number): number {
  if (x <= SHOULDER) return x;
  const over = (x - SHOULDER) / (1 - SHOULDER);
  return SHOULDER + ((1 - SHOULDER) * over) / (1 + over);
}

/** Rays per pixel along one side: small pictures are for training and must be quick, large ones are looked at. */
const raysPerSide = (size: number): number => (size <= 96 ? 2 : size <= 256 ? 3 : 4);

function paint(scene: Scene, width: number, height: number, seed: number): Uint8Array {
  const { eye, right, up, forward, lens } = scene.camera;
  const data = new Uint8Array(width * height * 3);
  const short = Math.min(width, height);
  const side = raysPerSide(short);
  const pixel = (2 * lens) / short;
  const weight = 1 / (side * side);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let r = 0;
      let g = 0;
      let b = 0;
      for (let s = 0; s < side * side; s++) {
        // A sheared grid: no two rays of a pixel share a row or a column, which near-level edges would show.
        const i = s % side;
        const j = (s - i) / side;
        const dx = (i + (j + 0.5) / side) / side;
        const dy = (j + (i + 0.5) / side) / side;
        const px = (2 * (x + dx) - width) * (lens / short);
        const py = (height - 2 * (y + dy)) * (lens / short);
        const direction = normalize(add(along(forward, px, right), scale(up, py)));
        const colour = trace(scene, eye, direction, pixel / Math.sqrt(side), 1);
        // Each ray is toned before the mean: a lamp's edge stays smooth.
        r += tone(colour[0]);
        g += tone(colour[1]);
        b += tone(colour[2]);
      }
      const at = (y * width + x) * 3;
      const grain = 1 + 0.035 * (hash01(at ^ Math.imul(seed, 0x2545f491)) - 0.5);
      data[at] = srgbByte(r * weight * grain);
      data[at + 1] = srgbByte(g * weight * grain);
      data[at + 2] = srgbByte(b * weight * grain);
    }
  }
  return data;
}

function checkSide(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1 || value > 4096)
    throw new RangeError(`expected a whole number of pixels in 1..4096 for \`${name}\` but received ${value}`);
  return value;
}

/** Draws one ball. The same options give the same bytes on every machine. */
export function render(options: RenderOptions): Picture {
  if (!Object.hasOwn(kinds, options.ball))
    throw new RangeError(`expected one of ${Object.keys(kinds).join(", ")} for \`ball\` but received ${options.ball}`);
  const size = options.size ?? 256;
  const width = checkSide("width", options.width ?? size);
  const height = checkSide("height", options.height ?? size);
  if (!Number.isInteger(options.seed))
    throw new RangeError(`expected an integer for \`seed\` but received ${options.seed}`);
  return { width, height, data: paint(arrange(options), width, height, options.seed) };
}
