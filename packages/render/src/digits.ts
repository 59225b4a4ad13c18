// The numbers on billiard balls, as strokes: distance to a polyline, no font needed.
import { cos, PI, sin } from "./exact.ts";

type Point = readonly [number, number];
type Stroke = readonly Point[];

/** An arc of an ellipse; angles in turns, counter-clockwise from the right. */
function arc(cx: number, cy: number, rx: number, ry: number, from: number, to: number): Stroke {
  return Array.from({ length: 15 }, (_, i): Point => {
    const angle = 2 * PI * (from + ((to - from) * i) / 14);
    return [cx + rx * cos(angle), cy + ry * sin(angle)];
  });
}

// Each digit fills x in -0.5..0.5 and y in -1..1, y up.
const six: readonly Stroke[] = [
  arc(0, -0.42, 0.48, 0.55, 0, 1),
  [
    [-0.48, -0.42],
    [-0.4, 0.2],
    [-0.1, 0.7],
    [0.3, 0.98],
  ],
];
const digits: readonly (readonly Stroke[])[] = [
  [arc(0, 0, 0.48, 0.97, 0, 1)],
  [
    [
      [-0.3, 0.6],
      [0.05, 0.97],
      [0.05, -0.97],
    ],
  ],
  [[...arc(0, 0.47, 0.46, 0.5, 0.45, -0.1), [-0.48, -0.95], [0.5, -0.95]]],
  [arc(-0.05, 0.5, 0.46, 0.46, 0.42, -0.25), arc(-0.05, -0.48, 0.52, 0.5, 0.25, -0.42)],
  [
    [
      [0.2, -0.97],
      [0.2, 0.97],
      [-0.5, -0.35],
      [0.52, -0.35],
    ],
  ],
  [
    [
      [0.42, 0.95],
      [-0.36, 0.95],
      [-0.42, 0.1],
    ],
    arc(-0.06, -0.37, 0.52, 0.58, 0.34, -0.4),
  ],
  six,
  [
    [
      [-0.48, 0.95],
      [0.48, 0.95],
      [-0.1, -0.97],
    ],
  ],
  [arc(0, 0.5, 0.4, 0.46, 0, 1), arc(0, -0.46, 0.49, 0.51, 0, 1)],
  six.map((stroke) => stroke.map(([x, y]): Point => [-x, -y])),
];

function strokeDistance(stroke: Stroke, x: number, y: number): number {
  let best = 1e9;
  for (let i = 1; i < stroke.length; i++) {
    const [ax, ay] = stroke[i - 1]!;
    const [bx, by] = stroke[i]!;
    const ex = bx - ax;
    const ey = by - ay;
    const t = ((x - ax) * ex + (y - ay) * ey) / (ex * ex + ey * ey);
    const k = t < 0 ? 0 : Math.min(t, 1);
    const dx = x - ax - k * ex;
    const dy = y - ay - k * ey;
    const d = dx * dx + dy * dy;
    if (d < best) best = d;
  }
  return Math.sqrt(best);
}

/** Distance from (x, y) to the centre line of the number's strokes; digits are 2 high and 1.4 apart, centred on the origin. */
export function numberDistance(value: number, x: number, y: number): number {
  const text = String(value);
  let best = 1e9;
  for (let i = 0; i < text.length; i++) {
    const shift = (i - (text.length - 1) / 2) * 1.4;
    for (const stroke of digits[Number(text[i])] ?? []) best = Math.min(best, strokeDistance(stroke, x - shift, y));
  }
  return best;
}
