// A football: the truncated icosahedron, black pentagons among white hexagons, as since the Telstar of 1970.
import { smoothstep } from "../exact.ts";
import { faces, vertices } from "../geodesic.ts";
import { fbm, noise, visible } from "../noise.ts";
import type { BallKind } from "../scene.ts";
import { mix, rgb, scale, type Vec3 } from "../vec.ts";

// Distances of the two kinds of faces from the centre, for edges of length 1: a point belongs to the face it leaves the solid through.
const PENTAGON = 1 / 2.3274;
const HEXAGON = 1 / 2.26728;

interface Panel {
  readonly pentagon: boolean;
  /** 0 on a seam, growing into the panel; about 0.09 in a hexagon's middle. */
  readonly depth: number;
}

// Outward normals over the distance of the face: the largest product with a point names the face. Pentagons first.
const planes = Float64Array.from([
  ...vertices.flatMap((v) => [...scale(v, PENTAGON)]),
  ...faces.flatMap((face) => [...scale(face.centre, HEXAGON)]),
]);

function panel(p: Vec3): Panel {
  let first = -1;
  let second = -1;
  let index = 0;
  for (let i = 0; i < 32; i++) {
    const d = planes[3 * i]! * p[0] + planes[3 * i + 1]! * p[1] + planes[3 * i + 2]! * p[2];
    if (d > first) {
      second = first;
      first = d;
      index = i;
    } else if (d > second) second = d;
  }
  // Neighbouring normals are about 0.7 apart, so the difference over that is the distance to the seam on the unit sphere.
  return { pentagon: index < 12, depth: (first - second) / (0.7 * HEXAGON) };
}

export const football: BallKind = {
  variants: 4,
  grounds: ["grass", "grass", "studio", "acrylic"],
  grass: { height: 0.3, blade: 0.055 },
  design(rng, variant) {
    const pentagonColour = [rgb(0x17181a), rgb(0x1b2a6b), rgb(0xb01f24), rgb(0x17181a)][variant]!;
    const hexagonColour = variant === 3 ? rgb(0xe8d31f) : rgb(0xf0f0ec);
    const dirt = rng.range(0, 0.35);
    const shift = rng.range(0, 30);
    return {
      front: rng.chance(0.5) ? vertices[0]! : faces[0]!.centre,
      spread: 0.5,
      roll: [0, 6.28],
      surface: {
        grain: 0.008,
        height(p) {
          const { depth } = panel(p);
          const groove = smoothstep(0.055, 0, depth);
          return -0.02 * groove * groove + 0.0012 * noise(p[0] * 60, p[1] * 60, p[2] * 60);
        },
        paint(p, footprint) {
          const { pentagon, depth } = panel(p);
          const line = smoothstep(0.016 + footprint, 0.004, depth) * visible(9, footprint);
          const stain = dirt * smoothstep(0.45, 0.75, fbm(p[0] * 2.5 + shift, p[1] * 2.5, p[2] * 2.5, 4));
          const colour = mix(pentagon ? pentagonColour : hexagonColour, rgb(0x55503f), stain);
          return { albedo: scale(colour, 1 - 0.72 * line), specular: 0.045, roughness: 0.42 };
        },
      },
    };
  },
};
