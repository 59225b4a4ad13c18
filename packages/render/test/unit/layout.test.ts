// The layouts on the sphere: counts and lengths that geometry books give, not the code.
import { describe, expect, it } from "vitest";
import { numberDistance } from "../../src/digits.ts";
import { faces, gridDistance, vertices } from "../../src/geodesic.ts";
import { createRng } from "../../src/rng.ts";
import { seamArc, seamLength, seamSide } from "../../src/seam.ts";
import { dot, toLocal, toWorld, turn, type Vec3 } from "../../src/vec.ts";

const a = 0.71;
const b = 0.29;
const onSeam = (t: number): Vec3 => [
  a * Math.cos(t) + b * Math.cos(3 * t),
  a * Math.sin(t) - b * Math.sin(3 * t),
  2 * Math.sqrt(a * b) * Math.sin(2 * t),
];

describe("icosahedron", () => {
  it("has 12 vertices with five neighbours each and 20 faces", () => {
    expect(vertices).toHaveLength(12);
    expect(faces).toHaveLength(20);
    for (const v of vertices)
      expect(vertices.filter((w) => Math.abs(dot(v, w) - 1 / Math.sqrt(5)) < 1e-12)).toHaveLength(5);
  });

  it("has a grid point at each vertex, at each edge's middle for even n, and none in a face's middle unless n divides by 3", () => {
    for (const v of vertices) expect(gridDistance(v, 6)).toBeLessThan(1e-6);
    const first = vertices[0]!;
    const second = vertices.find((w) => dot(first, w) > 0.4 && dot(first, w) < 0.5)!;
    const k = 1 / Math.sqrt(2 + 2 * dot(first, second));
    const middle: Vec3 = [k * (first[0] + second[0]), k * (first[1] + second[1]), k * (first[2] + second[2])];
    expect(gridDistance(middle, 6)).toBeLessThan(1e-6);
    expect(gridDistance(middle, 5)).toBeGreaterThan(0.7);
    expect(gridDistance(faces[0]!.centre, 6)).toBeLessThan(1e-6);
    expect(gridDistance(faces[0]!.centre, 5)).toBeGreaterThan(0.7);
  });
});

describe("the seam of baseballs and tennis balls", () => {
  it("is where the side changes", () => {
    for (let t = 0; t < 6.28; t += 0.01) expect(Math.abs(seamSide(onSeam(t)))).toBeLessThan(1e-9);
  });

  it("halves the sphere", () => {
    const rng = createRng(1);
    let count = 0;
    for (let i = 0; i < 20_000; i++) if (seamSide(rng.direction()) > 0) count++;
    expect(count / 20_000).toBeCloseTo(0.5, 1.7);
  });

  it("is measured along its arc", () => {
    let length = 0;
    for (let t = 0.05; t < 6.2; t += 0.001) {
      const from = onSeam(t - 0.001);
      const to = onSeam(t);
      length += Math.hypot(to[0] - from[0], to[1] - from[1], to[2] - from[2]);
      if (t > 0.1) expect(Math.abs(seamArc(to) - seamArc(onSeam(0.049)) - length)).toBeLessThan(0.03);
    }
    // 9 inches around and a seam of 17 to 18 inches: the seam is about 12 radii long.
    expect(seamLength).toBeGreaterThan(10.5);
    expect(seamLength).toBeLessThan(13);
  });
});

describe("turn", () => {
  it("is a rotation that takes the front to where it should face", () => {
    const rng = createRng(3);
    for (let i = 0; i < 200; i++) {
      const [front, facing, other] = [rng.direction(), rng.direction(), rng.direction()];
      const rotation = turn(front, facing, rng.range(-4, 4));
      const world = toWorld(rotation, front);
      expect(dot(world, facing)).toBeCloseTo(1, 9);
      expect(dot(toLocal(rotation, toWorld(rotation, other)), other)).toBeCloseTo(1, 9);
    }
  });
});

describe("numberDistance", () => {
  it("draws an 8 with two holes and a 1 with none, and two digits side by side", () => {
    expect(numberDistance(8, 0, 0.5)).toBeGreaterThan(0.35);
    expect(numberDistance(8, 0, -0.46)).toBeGreaterThan(0.4);
    expect(numberDistance(8, 0, 0.04)).toBeLessThan(0.02);
    expect(numberDistance(1, 0.05, 0)).toBeLessThan(1e-9);
    expect(numberDistance(11, -0.65, 0)).toBeLessThan(1e-9);
    expect(numberDistance(11, 0.75, 0)).toBeLessThan(1e-9);
  });
});
