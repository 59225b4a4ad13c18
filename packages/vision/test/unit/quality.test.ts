// Figures of pictures against formulas worked out by hand, and the checks and guard rails that are made of them.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { badPictures, type MeasuredPicture, qualityScores, stepBack } from "../../src/quality/checks.ts";
import { detailOf, percentileOf, pictureFigures } from "../../src/quality/figures.ts";

const plain = (width: number, height: number, ...rgb: number[]) => ({
  width,
  height,
  data: new Uint8Array(width * height * 3).map((_, i) => rgb[i % 3]!),
});

describe("figures", () => {
  test("one colour: its brightness everywhere, log2 3 bits, its spread of channels", () => {
    const { brightness, entropy, colour } = pictureFigures(plain(8, 4, 200, 100, 50));
    const expected = Math.sqrt(0.241 * 200 ** 2 + 0.691 * 100 ** 2 + 0.068 * 50 ** 2) / 255;
    for (const value of brightness) expect(value).toBeCloseTo(expected, 6);
    // Three values, each a third of the joint histogram.
    expect(entropy).toBeCloseTo(Math.log2(3), 9);
    expect(colour).toBe(150);
  });

  test("white and black halves: percentiles on either side, one bit more", () => {
    const data = new Uint8Array(300).fill(255, 150);
    const { brightness, entropy, colour } = pictureFigures({ width: 10, height: 10, data });
    expect(brightness).toEqual([0, 0, 0.5, 1, 1].map((value) => expect.closeTo(value, 6)));
    expect(entropy).toBeCloseTo(Math.log2(6), 9);
    expect(colour).toBe(0);
  });

  test("percentiles as numpy's: np.percentile([1, 2, 3, 4], 25) is 1.75", () => {
    expect(percentileOf([1, 2, 3, 4], 25)).toBe(1.75);
    expect(percentileOf([7], 99)).toBe(7);
  });

  test("detail: a step from 50 to 150 is as sharp as it gets, a ramp over the whole width is not, brightness does not matter", () => {
    const picture = (at: (x: number) => number) => Uint8Array.from({ length: 1024 }, (_, i) => at(i % 32));
    // Beside the step the Laplacian is 100, of a range of 100; everywhere else 0.
    expect(detailOf(picture((x) => (x < 16 ? 50 : 150)))).toBeCloseTo(1, 9);
    expect(detailOf(picture((x) => (x < 16 ? 10 : 40)))).toBeCloseTo(1, 9);
    expect(detailOf(picture((x) => 4 * x))).toBe(0);
    expect(detailOf(picture(() => 7))).toBe(0);
  });
});

/** Noise of a camera: never two neighbours alike. */
function noise(width: number, height: number, seed = 1) {
  let state = seed;
  const data = new Uint8Array(width * height * 3).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 60 + (state >>> 24) / 2;
  });
  return { width, height, data };
}

/** A rectangle of one colour over a picture. */
function painted(picture: ReturnType<typeof noise>, [x, y, w, h]: readonly number[], ...rgb: number[]) {
  const data = picture.data.slice();
  for (let j = y!; j < y! + h!; j++) {
    for (let i = x!; i < x! + w!; i++) data.set(rgb, 3 * (j * picture.width + i));
  }
  return { ...picture, data };
}

describe("what no camera makes", () => {
  test("drawn: two flat colours on a ground are, noise on the same ground is not", () => {
    const ground = plain(60, 60, 255, 255, 255);
    const drawn = painted(painted(ground, [10, 10, 20, 20], 200, 0, 0), [35, 30, 20, 20], 0, 0, 200);
    const { shaded, colours } = pictureFigures(drawn);
    expect(colours).toBe(2);
    // Of two squares of 20 x 20 the outer ring alone has other neighbours.
    expect(shaded).toBeCloseTo(76 / 400, 9);
    const photo = pictureFigures(noise(60, 60));
    expect(photo.shaded).toBeGreaterThan(0.99);
    expect(photo.colours).toBeGreaterThan(500);
  });

  test("border: bars count with their area; paper behind a thing is none", () => {
    const letterbox = painted(painted(noise(80, 60), [0, 0, 80, 6], 0, 0, 0), [0, 54, 80, 6], 0, 0, 0);
    expect(pictureFigures(letterbox).border).toBeCloseTo(12 / 60, 9);
    const onPaper = painted(plain(80, 60, 255, 255, 255), [30, 20, 20, 20], 90, 60, 30);
    expect(pictureFigures(onPaper).border).toBe(0);
    expect(pictureFigures(noise(80, 60)).border).toBe(0);
  });

  test("seam: two pictures side by side, and not the edge of a thing", () => {
    const [left, right] = [plain(80, 60, 40, 40, 40), plain(40, 60, 200, 180, 90)];
    const pair = painted(left, [40, 0, 40, 60], ...right.data.subarray(0, 3));
    expect(pictureFigures(pair).seam).toBe(1);
    expect(pictureFigures(painted(left, [40, 15, 40, 30], 200, 180, 90)).seam).toBeCloseTo(0.5, 1);
    expect(pictureFigures(plain(80, 60, 9, 9, 9)).seam).toBe(0);
  });

  test("lettering: eight strokes of one colour on a line, but no five, no stairs, and none in light and shade", () => {
    const strokes = (count: number, place: (i: number) => readonly [number, number], shade = (_: number) => 250) =>
      Array.from({ length: count }, (_, i) => i).reduce(
        (picture, i) => painted(picture, [...place(i), 5, 12], shade(i), shade(i), shade(i)),
        plain(200, 100, 70, 90, 60),
      );
    const inLine = (i: number) => [20 + 14 * i, 40] as const;
    expect(pictureFigures(strokes(8, inLine)).lettering).toBeCloseTo((7 * 14 + 4) / 200, 9);
    expect(pictureFigures(strokes(5, inLine)).lettering).toBe(0);
    expect(pictureFigures(strokes(8, (i) => [20 + 14 * i, 5 + 9 * i])).lettering).toBe(0);
    expect(pictureFigures(strokes(8, inLine, (i) => 135 + 16 * i)).lettering).toBe(0);
  });
});

const step = Uint8Array.from({ length: 1024 }, (_, i) => (i % 32 < 16 ? 50 : 150));

const fine: MeasuredPicture = {
  shaded: 0.9,
  colours: 500,
  border: 0,
  seam: 0.3,
  lettering: 0,
  width: 300,
  height: 200,
  brightness: [0.05, 0.1, 0.5, 0.9, 0.95],
  entropy: 7,
  colour: 120,
  grey: step,
};

describe("checks", () => {
  test("scores are CleanVision's formulas, but for blur", () => {
    const [scores] = qualityScores([fine]);
    expect(scores).toMatchObject({ dark: 0.95, light: 0.9, "odd-aspect": 200 / 300, "odd-size": 1 });
    expect(scores!["low-information"]).toBeCloseTo(0.7, 9);
    expect(scores!.blurred).toBeCloseTo(1, 9);
  });

  test.each([
    ["dark", { brightness: [0, 0.01, 0.1, 0.2, 0.3] as const }],
    ["light", { brightness: [0.9, 0.96, 0.99, 1, 1] as const }],
    ["blurred", { grey: step.map((_, i) => 50 + 3 * (i % 32)) }],
    ["low-information", { entropy: 2.9 }],
    ["grey", { colour: 8 }],
    ["odd-aspect", { width: 600, height: 200 }],
    ["odd-size", { width: 3000, height: 2000 }],
    ["drawn", { shaded: 0.2, colours: 20 }],
    ["collage", { seam: 0.95 }],
    ["border", { border: 0.2 }],
    ["text", { lettering: 0.5 }],
  ])("%s alone", (check, fault) => {
    const found = badPictures([...new Array(20).fill(fine), { ...fine, ...fault }]);
    expect(found.map((bad) => [bad.index, bad.check])).toContainEqual([20, check]);
    expect(found.every(({ index }) => index === 20)).toBe(true);
    expect(found.filter((bad) => bad.check !== "odd-size")).toHaveLength(check === "odd-size" ? 0 : 1);
  });
});

test("a size is odd beside its own class", () => {
  const [small, large] = [fine, { ...fine, width: 3000, height: 2000 }];
  const pictures = [...new Array(30).fill(small), ...new Array(30).fill(large), large];
  const groups = pictures.map((_, i) => (i < 30 || i === 60 ? 0 : 1));
  expect(badPictures(pictures, undefined, groups).map(({ index, check }) => [index, check])).toEqual([
    [60, "odd-size"],
  ]);
});

describe("guard rail", () => {
  const hits = (group: readonly number[], check = "dark") => group.map((index) => ({ index, check }));

  test("a check that hits more than 30 % of a class steps back there and nowhere else", () => {
    const groups = [...new Array(10).fill(0), ...new Array(10).fill(1)];
    const { kept, steppedBack } = stepBack([...hits([0, 1, 2, 3]), ...hits([10, 11, 12])], groups);
    expect(steppedBack).toEqual([{ group: 0, check: "dark", hits: 4, of: 10 }]);
    expect(kept).toEqual(hits([10, 11, 12]));
  });

  test("two odd pictures of a class of three are two odd pictures", () => {
    expect(stepBack(hits([0, 1]), [0, 0, 0]).kept).toHaveLength(2);
  });

  test("what is kept is never more than the share, or too few to tell", () => {
    const sets = fc.array(fc.record({ group: fc.nat(3), isHit: fc.boolean() }), { maxLength: 60 });
    fc.assert(
      fc.property(sets, (photos) => {
        const groups = photos.map(({ group }) => group);
        const found = hits([...photos.keys()].filter((i) => photos[i]!.isHit));
        const { kept, steppedBack } = stepBack(found, groups);
        for (const group of new Set(groups)) {
          const count = kept.filter(({ index }) => groups[index] === group).length;
          const all = groups.filter((own) => own === group).length;
          expect(count <= Math.max(2, 0.3 * all)).toBe(true);
        }
        const gone = steppedBack.reduce((sum, back) => sum + back.hits, 0);
        expect(kept.length + gone).toBe(found.length);
      }),
    );
  });
});
