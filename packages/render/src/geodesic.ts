// The icosahedron and what is laid out on it: the 32 panels of a football, golf dimples, the pebbles of a basketball.
import { cross, dot, normalize, scale, type Vec3 } from "./vec.ts";

const PHI = (1 + Math.sqrt(5)) / 2;

function cyclic(a: number, b: number): Vec3[] {
  const signs = [
    [1, 1],
    [1, -1],
    [-1, 1],
    [-1, -1],
  ] as const;
  return signs.flatMap(([s, t]) => [
    normalize([0, s * a, t * b]),
    normalize([s * a, t * b, 0]),
    normalize([t * b, 0, s * a]),
  ]);
}

/** The 12 vertices of the icosahedron, unit length: the centres of a football's pentagons. */
export const vertices: readonly Vec3[] = cyclic(1, PHI);

interface Face {
  readonly centre: Vec3;
  /** Rows of the inverse of [a b c]: the three weights of a point are its dot products with these. */
  readonly weights: readonly [Vec3, Vec3, Vec3];
  readonly corners: readonly [Vec3, Vec3, Vec3];
}

function buildFaces(): Face[] {
  const faces: Face[] = [];
  const adjacent = (a: Vec3, b: Vec3) => dot(a, b) > 0.4 && dot(a, b) < 0.5; // cos of the edge angle is 1/sqrt(5)
  vertices.forEach((a, i) => {
    vertices.forEach((b, j) => {
      if (j <= i || !adjacent(a, b)) return;
      vertices.slice(j + 1).forEach((c) => {
        if (!adjacent(a, c) || !adjacent(b, c)) return;
        const volume = dot(a, cross(b, c));
        faces.push({
          centre: normalize([a[0] + b[0] + c[0], a[1] + b[1] + c[1], a[2] + b[2] + c[2]]),
          weights: [scale(cross(b, c), 1 / volume), scale(cross(c, a), 1 / volume), scale(cross(a, b), 1 / volume)],
          corners: [a, b, c],
        });
      });
    });
  });
  return faces;
}

/** The 20 faces; their centres are the centres of a football's hexagons. */
export const faces: readonly Face[] = buildFaces();

// Flat, because every ray that meets a dimpled ball runs through all of them.
const centres = Float64Array.from(faces.flatMap((face) => [...face.centre]));

/**
 * Distance from the unit vector `p` to the nearest point of a triangular grid with `n` steps along each icosahedron edge
 * (10 n^2 + 2 points in all), in units of half the grid's spacing: 0 at a point, about 1 where two neighbours meet.
 */
export function gridDistance(p: Vec3, n: number): number {
  let index = 0;
  let best = -1;
  for (let i = 0; i < 20; i++) {
    const d = centres[3 * i]! * p[0] + centres[3 * i + 1]! * p[1] + centres[3 * i + 2]! * p[2];
    if (d > best) {
      best = d;
      index = i;
    }
  }
  const face = faces[index]!;
  const a = dot(face.weights[0], p);
  const b = dot(face.weights[1], p);
  const c = dot(face.weights[2], p);
  const k = n / (a + b + c);
  // Rounds to the nearest grid point in barycentric coordinates: fix the one with the largest rounding error so that the sum stays n.
  let i = Math.round(a * k);
  let j = Math.round(b * k);
  let l = Math.round(c * k);
  const ea = Math.abs(i - a * k);
  const eb = Math.abs(j - b * k);
  const ec = Math.abs(l - c * k);
  if (ea > eb && ea > ec) i = n - j - l;
  else if (eb > ec) j = n - i - l;
  else l = n - i - j;
  const va = face.corners[0];
  const vb = face.corners[1];
  const vc = face.corners[2];
  const x = va[0] * i + vb[0] * j + vc[0] * l;
  const y = va[1] * i + vb[1] * j + vc[1] * l;
  const z = va[2] * i + vb[2] * j + vc[2] * l;
  const inverse = 1 / Math.sqrt(x * x + y * y + z * z);
  const dx = x * inverse - p[0];
  const dy = y * inverse - p[1];
  const dz = z * inverse - p[2];
  // An icosahedron edge spans 1.107 radians; gnomonic projection stretches the middle of a face by about a fifth.
  const spacing = (1.107 / n) * (0.82 + 0.36 * smoothCentre(best));
  return (2 * Math.sqrt(dx * dx + dy * dy + dz * dz)) / spacing;
}

// 0 at a vertex of the face (cos 37.4 degrees), 1 at its centre.
const smoothCentre = (cosine: number): number => (cosine - 0.7947) / (1 - 0.7947);
