// Follows one ray through a scene to a colour: ellipsoids, the ground, soft shadows, occlusion, one mirror bounce.
import { clamp, smoothstep } from "./exact.ts";
import { traceGrass } from "./grass.ts";
import type { Body, Material, Scene } from "./scene.ts";
import {
  add,
  along,
  dot,
  length,
  mix,
  mul,
  normalize,
  reflect,
  scale,
  sub,
  tangents,
  toLocal,
  toWorld,
  UP,
  type Vec3,
} from "./vec.ts";

// Index access, not destructuring, in what runs per ray: destructuring walks an iterator, and that made pictures take twice as long.

const FAR = 1e9;

/** Distance along the ray to an ellipsoid, FAR when it misses: the ellipsoid is a unit sphere in its own stretched frame. */
function intersect(body: Body, eye: Vec3, direction: Vec3): number {
  const ax = body.axes[0];
  const ay = body.axes[1];
  const az = body.axes[2];
  const { centre } = body;
  // Most rays miss most bodies: the sphere around the ellipsoid settles that without turning into its frame.
  const fx = eye[0] - centre[0];
  const fy = eye[1] - centre[1];
  const fz = eye[2] - centre[2];
  const nearest = fx * direction[0] + fy * direction[1] + fz * direction[2];
  const bound = Math.max(ax, ay, az);
  if (fx * fx + fy * fy + fz * fz - nearest * nearest > bound * bound) return FAR;
  const o = toLocal(body.rotation, [fx, fy, fz]);
  const d = toLocal(body.rotation, direction);
  const ox = o[0] / ax;
  const oy = o[1] / ay;
  const oz = o[2] / az;
  const dx = d[0] / ax;
  const dy = d[1] / ay;
  const dz = d[2] / az;
  const a = dx * dx + dy * dy + dz * dz;
  const b = ox * dx + oy * dy + oz * dz;
  const c = ox * ox + oy * oy + oz * oz - 1;
  const h = b * b - a * c;
  if (h < 0) return FAR;
  const t = (-b - Math.sqrt(h)) / a;
  return t > 1e-4 ? t : FAR;
}

/** Share of the key light, a disc of the sky, that `body` leaves over at a point. */
function shadow(body: Body, point: Vec3, direction: Vec3, size: number): number {
  const ax = body.axes[0];
  const ay = body.axes[1];
  const az = body.axes[2];
  const { centre } = body;
  const tx = centre[0] - point[0];
  const ty = centre[1] - point[1];
  const tz = centre[2] - point[2];
  const ahead = tx * direction[0] + ty * direction[1] + tz * direction[2];
  const bound = Math.max(ax, ay, az);
  if (ahead < -bound) return 1;
  const wide = bound + (ahead + bound) * size * 1.5;
  if (tx * tx + ty * ty + tz * tz - ahead * ahead > wide * wide) return 1;
  const o = toLocal(body.rotation, [tx, ty, tz]);
  const d = toLocal(body.rotation, direction);
  const oc: Vec3 = [o[0] / ax, o[1] / ay, o[2] / az];
  const dc = normalize([d[0] / ax, d[1] / ay, d[2] / az]);
  const t = dot(oc, dc);
  if (t <= 0) return 1;
  const miss = Math.sqrt(Math.max(0, dot(oc, oc) - t * t)) - 1;
  return smoothstep(-1, 1, miss / (t * size));
}

/** Share of the sky that `body` hides from a point with a normal: the sphere of the same size, cosine-weighted. */
function occlusion(body: Body, point: Vec3, normal: Vec3): number {
  const { centre, axes } = body;
  const tx = centre[0] - point[0];
  const ty = centre[1] - point[1];
  const tz = centre[2] - point[2];
  const facing = tx * normal[0] + ty * normal[1] + tz * normal[2];
  if (facing <= 0) return 0;
  const r2 = (axes[0] * axes[0] + axes[1] * axes[1] + axes[2] * axes[2]) / 3;
  const l2 = Math.max(tx * tx + ty * ty + tz * tz, r2);
  return clamp(facing / Math.sqrt(l2), 0, 1) * (r2 / l2);
}

// Not `**`: the engine's pow need not round the same everywhere.
const fifth = (x: number): number => x * x * x * x * x;

interface Lighting {
  readonly key: number;
  readonly sky: number;
}

function lighting(scene: Scene, self: Body | null, point: Vec3, normal: Vec3): Lighting {
  const { direction, size } = scene.environment.key;
  let key = 1;
  let sky = 1;
  for (const body of scene.bodies) {
    if (body === self) continue;
    key *= shadow(body, point, direction, size);
    sky *= 1 - occlusion(body, point, normal);
  }
  return { key, sky };
}

/** Light that a surface sends along `direction` back to the eye. */
function shade(
  scene: Scene,
  self: Body | null,
  point: Vec3,
  normal: Vec3,
  direction: Vec3,
  material: Material,
  depth: number,
): Vec3 {
  const { environment, ground } = scene;
  const { key } = environment;
  const light = lighting(scene, self, point, normal);
  const lambert = clamp(dot(normal, key.direction), 0, 1) * light.key;
  const upward = 0.5 + 0.5 * normal[1];
  // The ground lights the ball from below, less so near the contact, where the ball stands in its own shadow.
  const bounce = (1 - upward) * (self ? smoothstep(-0.1, 1.2, point[1]) : 0.5);
  const groundLight = scale(ground.mean, bounce * (0.55 * Math.max(key.direction[1], 0) + 0.3));
  const diffuse = add(
    add(
      scale(key.colour, lambert),
      scale(environment.ambient, light.sky * (0.3 + 0.7 * upward) * (self ? smoothstep(-0.9, 0.7, point[1]) : 1)),
    ),
    groundLight,
  );
  let colour = mul(material.albedo, diffuse);
  const facing = clamp(-dot(direction, normal), 0, 1);
  const graze = 1 - facing;
  if (material.sheen)
    colour = add(
      colour,
      scale(mul(material.albedo, environment.ambient), material.sheen * 2 * graze * graze * graze * light.sky),
    );
  if (material.specular === 0) return colour;
  const fresnel = material.specular + (1 - material.specular) * (1 - material.roughness) * fifth(graze);
  if (material.roughness < 0.15) {
    const bounceDirection = reflect(direction, normal);
    const seen = depth > 0 ? trace(scene, point, bounceDirection, 0, depth - 1, self) : mirror(scene, bounceDirection);
    return add(scale(colour, 1 - fresnel), scale(seen, fresnel * (0.35 + 0.65 * light.sky)));
  }
  // GGX lobe with the visibility term of B. Karis, "Optimizing PBR for Mobile" (2014); a broad lamp widens the lobe.
  const half = normalize(sub(key.direction, direction));
  const nh = clamp(dot(normal, half), 0, 1);
  const lh = clamp(dot(key.direction, half), 0.05, 1);
  const alpha = material.roughness * material.roughness + 0.3 * key.size;
  const k = nh * nh * (alpha * alpha - 1) + 1;
  const lobe = (alpha * alpha) / (k * k) / (4 * lh * lh * (material.roughness + 0.5));
  const highlight = scale(key.colour, material.specular * lobe * lambert);
  const dim = fresnel * (1 - material.roughness) * 0.6 * light.sky;
  return add(add(colour, highlight), scale(environment.ambient, dim));
}

const mirror = (scene: Scene, d: Vec3): Vec3 =>
  d[1] < 0 ? scale(scene.ground.mean, 0.55) : scene.environment.mirror(d);

function shadeBody(scene: Scene, body: Body, point: Vec3, direction: Vec3, footprint: number, depth: number): Vec3 {
  const { surface, axes, rotation } = body;
  const local = toLocal(rotation, sub(point, body.centre));
  const p = normalize([local[0] / axes[0], local[1] / axes[1], local[2] / axes[2]]);
  let n = p;
  if (surface.height) {
    // Forward differences over no less than a pixel: relief finer than that would only flicker.
    const step = Math.max(surface.grain ?? 0.004, 0.6 * footprint);
    const [u, v] = tangents(p);
    const h = surface.height(p);
    const hu = (surface.height(normalize(along(p, step, u))) - h) / step;
    const hv = (surface.height(normalize(along(p, step, v))) - h) / step;
    n = normalize(sub(p, add(scale(u, hu), scale(v, hv))));
  }
  const normal = normalize(toWorld(rotation, [n[0] / axes[0], n[1] / axes[1], n[2] / axes[2]]));
  return shade(scene, body, point, normal, direction, surface.paint(p, footprint), depth);
}

/** Colour, in linear light, that comes to `eye` from `direction` (unit length); `pixel` is a pixel's angular width, for antialiasing. */
export function trace(
  scene: Scene,
  eye: Vec3,
  direction: Vec3,
  pixel: number,
  depth: number,
  skip: Body | null = null,
): Vec3 {
  const { ground, environment } = scene;
  let t = FAR;
  let hit: Body | null = null;
  for (const body of scene.bodies) {
    if (body === skip) continue;
    const distance = intersect(body, eye, direction);
    if (distance < t) {
      t = distance;
      hit = body;
    }
  }
  if (ground.grass && skip === null) {
    const blade = traceGrass(ground.grass, eye, direction, t, pixel);
    if (blade) {
      const point = along(eye, blade.t, direction);
      const light = lighting(scene, null, point, UP);
      const lit = add(
        scale(environment.key.colour, 0.8 * light.key * blade.open),
        scale(environment.ambient, light.sky * (0.25 + 0.75 * blade.open)),
      );
      return haze(scene, mul(blade.albedo, lit), direction, blade.t);
    }
  }
  const floor = direction[1] < -1e-4 ? -eye[1] / direction[1] : FAR;
  if (hit && t < floor) return shadeBody(scene, hit, along(eye, t, direction), direction, pixel * t, depth);
  if (floor >= FAR || floor <= 1e-4) return skip ? environment.mirror(direction) : environment.backdrop(direction);
  const point = along(eye, floor, direction);
  if (ground.seamless) {
    const light = lighting(scene, null, point, UP);
    const whole = environment.key.direction[1] * 0.55 + 0.45;
    const part = (environment.key.direction[1] * 0.55 * light.key + 0.45 * light.sky) / whole;
    return scale(environment.backdrop(direction), skip ? 0.8 * part : part);
  }
  const footprint = (pixel * floor) / Math.sqrt(clamp(-direction[1], 0.02, 1));
  const material = ground.paint(point[0], point[2], footprint);
  const colour = shade(scene, null, point, UP, direction, material, skip ? 0 : depth);
  return haze(scene, colour, direction, floor);
}

/** The ground melts into the backdrop at the horizon, which the lens does not hold in focus. */
function haze(scene: Scene, colour: Vec3, direction: Vec3, t: number): Vec3 {
  const far = smoothstep(14, 60, t);
  if (far === 0) return colour;
  const level = length([direction[0], 0, direction[2]]);
  return mix(colour, scene.environment.backdrop([direction[0] / level, 0, direction[2] / level]), 0.85 * far);
}
