// Pictures of something else, drawn by seed: pages of text, charts, houses, faces, flags, maps, keyboards, noise. What a search engine brings besides.

import { Generator } from "@ballsight/vision";

const SIDE = 320;

type Draw = (random: Generator) => string;

const colour = (random: Generator, light = 30 + random.integer(50)) =>
  `hsl(${random.integer(360)},${20 + random.integer(70)}%,${light}%)`;
const rect = (x: number, y: number, w: number, h: number, fill: string) =>
  `<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="${fill}"/>`;
const times = (count: number, draw: (i: number) => string) => Array.from({ length: count }, (_, i) => draw(i)).join("");
const at = (random: Generator) => random.integer(SIDE);

const KINDS: readonly Draw[] = [
  // A page of text: lines of words.
  (r) =>
    rect(0, 0, SIDE, SIDE, colour(r, 92)) +
    times(14 + r.integer(8), (i) => {
      let x = 20;
      return times(8, () => {
        const width = 10 + r.integer(40);
        x += width + 6;
        return x > SIDE - 10 ? "" : rect(x - width, 16 + i * 16, width, 5 + r.integer(3), "#333");
      });
    }),
  // A bar chart.
  (r) =>
    rect(0, 0, SIDE, SIDE, colour(r, 95)) +
    times(5 + r.integer(7), (i) => {
      const height = 30 + r.integer(220);
      return rect(24 + i * 25, 290 - height, 16, height, colour(r));
    }) +
    rect(20, 290, 280, 3, "#000"),
  // A house in front of a sky.
  (r) => {
    const [x, w, h] = [30 + r.integer(60), 120 + r.integer(80), 80 + r.integer(60)];
    return (
      rect(0, 0, SIDE, SIDE, colour(r, 75)) +
      rect(0, 230, SIDE, 90, colour(r, 40)) +
      rect(x, 230 - h, w, h, colour(r, 60)) +
      `<path d="M${x - 15} ${230 - h} L${x + w / 2} ${150 - h} L${x + w + 15} ${230 - h} Z" fill="${colour(r, 30)}"/>` +
      times(3, (i) => rect(x + 15 + i * 40, 245 - h, 24, 28, colour(r, 85)))
    );
  },
  // Stripes, as of a flag.
  (r) => {
    const [count, upright] = [2 + r.integer(6), r.chance(0.5)];
    return times(count, (i) => {
      const [from, size] = [(i * SIDE) / count, SIDE / count + 1];
      return upright ? rect(from, 0, size, SIDE, colour(r)) : rect(0, from, SIDE, size, colour(r));
    });
  },
  // A map: roads and blocks.
  (r) =>
    rect(0, 0, SIDE, SIDE, colour(r, 85)) +
    times(25, () => rect(at(r), at(r), 10 + r.integer(50), 10 + r.integer(50), colour(r, 70))) +
    times(
      9,
      () =>
        `<path d="M${at(r)} ${at(r)} Q${at(r)} ${at(r)} ${at(r)} ${at(r)}" stroke="${colour(r, 90)}" stroke-width="${3 + r.integer(10)}" fill="none"/>`,
    ),
  // A keyboard.
  (r) => {
    const [base, key, size] = [colour(r, 20), colour(r, 70), 18 + r.integer(16)];
    return (
      rect(0, 0, SIDE, SIDE, base) +
      times(12, (row) => times(14, (i) => rect(8 + i * (size + 4), 8 + row * (size + 4), size, size, key)))
    );
  },
  // Trees: triangles on trunks.
  (r) =>
    rect(0, 0, SIDE, SIDE, colour(r, 80)) +
    times(6 + r.integer(8), () => {
      const [x, y, w] = [at(r), 160 + r.integer(140), 20 + r.integer(40)];
      return `${rect(x - 4, y, 8, 30, colour(r, 25))}<path d="M${x - w} ${y} L${x} ${y - 3 * w} L${x + w} ${y} Z" fill="${colour(r, 30)}"/>`;
    }),
  // Leaves, fur, stone: turbulence in two colours.
  (r) =>
    `<filter id="f"><feTurbulence type="${r.chance(0.5) ? "turbulence" : "fractalNoise"}" baseFrequency="${0.01 + 0.08 * r.uniform()}" numOctaves="4" seed="${r.integer(1000)}"/></filter>` +
    `${rect(0, 0, SIDE, SIDE, colour(r))}<g opacity="0.8"><rect width="${SIDE}" height="${SIDE}" filter="url(#f)"/></g>`,
];

/** An SVG of one of eight kinds; the same for the same number. */
export function strangerSvg(number: number): string {
  const random = new Generator({ seed: 1000 + number });
  const drawn = KINDS[number % KINDS.length]!(random);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${SIDE}" height="${SIDE}">${drawn}</svg>`;
}
