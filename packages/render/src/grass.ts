// A lawn as a stack of layers: in each, a blade is a disc that thins and leans with height (shell texturing, as in J. Lengyel et al.,
// "Real-Time Fur over Arbitrary Surfaces", 2001).
import { noise } from "./noise.ts";
import { hash, hash01 } from "./rng.ts";
import { mix, scale, type Vec3 } from "./vec.ts";

export interface Grass {
  /** Height of the lawn, in radii of the ball. */
  readonly height: number;
  /** Distance of two blades. */
  readonly blade: number;
  readonly dark: Vec3;
  readonly light: Vec3;
}

export interface GrassHit {
  readonly t: number;
  readonly albedo: Vec3;
  /** 0 at the roots, where no light gets, 1 at the tips. */
  readonly open: number;
}

const LAYERS = 26;

/** The colour of the lawn seen from so far that a pixel holds many blades. */
function lawn(grass: Grass, x: number, z: number): Vec3 {
  const coarse = noise(x * 0.7, 3, z * 0.7);
  const fine = noise(x / grass.blade / 2.5, 5, z / grass.blade / 2.5);
  return scale(mix(grass.dark, grass.light, 0.15 + 0.4 * coarse + 0.45 * fine), 0.9);
}

/** Follows a ray from `eye` along `direction` through the lawn; null when it leaves before it meets a blade, or passes `limit`. */
export function traceGrass(grass: Grass, eye: Vec3, direction: Vec3, limit: number, pixel: number): GrassHit | null {
  if (direction[1] >= -1e-4) return null;
  const enter = (grass.height - eye[1]) / direction[1];
  if (enter >= limit) return null;
  if (pixel * enter > 1.2 * grass.blade) {
    // Far off, blades are finer than a pixel: one flat layer at two thirds of the height.
    const t = (0.65 * grass.height - eye[1]) / direction[1];
    if (t >= limit) return null;
    return { t, albedo: lawn(grass, eye[0] + t * direction[0], eye[2] + t * direction[2]), open: 0.8 };
  }
  for (let layer = 0; layer < LAYERS; layer++) {
    const h = 1 - (layer + 0.5) / LAYERS;
    const t = (h * grass.height - eye[1]) / direction[1];
    if (t >= limit) return null;
    const x = (eye[0] + t * direction[0]) / grass.blade;
    const z = (eye[2] + t * direction[2]) / grass.blade;
    const i = Math.floor(x);
    const k = Math.floor(z);
    for (let n = 0; n < 4; n++) {
      // The cell and its neighbours towards the nearer corner.
      const ci = i + (n & 1 ? (x - i > 0.5 ? 1 : -1) : 0);
      const ck = k + (n & 2 ? (z - k > 0.5 ? 1 : -1) : 0);
      const id = hash(Math.imul(ci, 0x1b873593) ^ Math.imul(ck, 0x297a2d39));
      const tall = 0.45 + (0.55 * (id & 255)) / 255;
      if (h > tall) continue;
      const lean = (h * h * grass.height) / grass.blade;
      const bx = ci + ((id >>> 8) & 255) / 255 + lean * (((id >>> 16) & 255) / 255 - 0.5) * 0.9;
      const bz = ck + hash01(id) + lean * ((id >>> 24) / 255 - 0.5) * 0.9;
      const radius = 0.3 * (1 - (0.85 * h) / tall);
      const dx = x - bx;
      const dz = z - bz;
      if (dx * dx + dz * dz > radius * radius) continue;
      const shade = ((id >>> 4) & 255) / 255;
      const patch = noise(x * grass.blade * 0.7, 3, z * grass.blade * 0.7);
      return { t, albedo: mix(grass.dark, grass.light, 0.6 * shade + 0.4 * patch), open: h / 0.95 };
    }
  }
  const t = -eye[1] / direction[1];
  return t < limit ? { t, albedo: scale(grass.dark, 0.5), open: 0.05 } : null;
}
