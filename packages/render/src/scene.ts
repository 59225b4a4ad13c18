// What a picture is made of: bodies on a ground in an environment, seen by a camera. Lengths are in radii of the ball.
import type { Grass } from "./grass.ts";
import type { Rng } from "./rng.ts";
import type { Rotation, Vec3 } from "./vec.ts";

export interface Material {
  /** Diffuse reflectance, linear light. */
  readonly albedo: Vec3;
  /** Reflectance at normal incidence; 0.04 is lacquer, 0 is chalk. */
  readonly specular: number;
  /** 0 is a mirror, 1 is dull; below 0.15 the surroundings are mirrored. */
  readonly roughness: number;
  /** Light that fuzz adds at grazing angles. */
  readonly sheen?: number;
}

export interface Surface {
  /** The material at a point of the unit sphere in the body's own frame; `footprint` is a pixel's width there. */
  paint(p: Vec3, footprint: number): Material;
  /** Relief at a point of the unit sphere, in radii. */
  height?(p: Vec3): number;
  /** Smallest step over which the relief is differentiated, in radii. */
  readonly grain?: number;
}

/** An ellipsoid with a surface. */
export interface Body {
  readonly centre: Vec3;
  readonly axes: Vec3;
  readonly rotation: Rotation;
  readonly surface: Surface;
}

export interface Ground {
  paint(x: number, z: number, footprint: number): Material;
  /** Mean reflectance: what the ground throws back at the ball. */
  readonly mean: Vec3;
  readonly grass?: Grass;
  /** A studio floor that runs into the backdrop: only shadows show on it. */
  readonly seamless?: boolean;
}

export interface KeyLight {
  /** Unit vector towards the light. */
  readonly direction: Vec3;
  readonly colour: Vec3;
  /** Tangent of the angular radius: 0.03 gives hard shadows, 0.5 is a softbox. */
  readonly size: number;
}

export interface Environment {
  readonly key: KeyLight;
  /** Diffuse light from above and from the sides. */
  readonly ambient: Vec3;
  /** What the camera sees in a direction that hits nothing. */
  backdrop(direction: Vec3): Vec3;
  /** What a glossy surface mirrors from a direction. */
  mirror(direction: Vec3): Vec3;
}

export interface Camera {
  readonly eye: Vec3;
  readonly right: Vec3;
  readonly up: Vec3;
  readonly forward: Vec3;
  /** Tangent of half the angle of view along the shorter side. */
  readonly lens: number;
}

export interface Scene {
  readonly bodies: readonly Body[];
  readonly ground: Ground;
  readonly environment: Environment;
  readonly camera: Camera;
}

export type GroundName = "grass" | "hardwood" | "lane" | "cloth" | "clay" | "acrylic" | "sand" | "studio" | "table";

/** One ball as its maker designed it, before it is put anywhere. */
export interface Design {
  readonly surface: Surface;
  readonly axes?: Vec3;
  /** The local direction that should face the camera, the angle in radians it may be off, and the roll about it in radians. */
  readonly front: Vec3;
  readonly spread: number;
  readonly roll: readonly [number, number];
}

/** What one file under balls/ says about its ball. */
export interface BallKind {
  /** `variant` 0 is the look everybody knows; larger ones are less common. */
  design(rng: Rng, variant: number): Design;
  readonly variants: number;
  readonly grounds: readonly [GroundName, ...GroundName[]];
  /** Height and blade width of the grass this ball lies in, in radii. */
  readonly grass?: { readonly height: number; readonly blade: number };
  /** How high the camera stands, as an angle in radians; default 0.16 to 0.5. */
  readonly elevation?: readonly [number, number];
  /** Other things in the picture: neighbours, pins. `towardsCamera` is a unit vector. */
  company?(rng: Rng, towardsCamera: Vec3, ground: GroundName): readonly Body[];
}
