// Synthetic pictures from integer recipes; fixtures/pillow_resize.py makes the same ones, byte for byte.

export type Recipe = "noise" | "gradient" | "discs";

/** RGB, row by row: uint8 [height, width, 3]. */
export function picture(recipe: Recipe, width: number, height: number): Uint8Array {
  return RECIPES[recipe](width, height);
}

const RECIPES: Record<Recipe, (width: number, height: number) => Uint8Array> = {
  noise(width, height) {
    const draw = lcg(width * 10007 + height);
    return new Uint8Array(width * height * 3).map(draw);
  },
  gradient: (width, height) =>
    paint(width, height, (x, y) => [
      Math.floor((x * 255) / (width - 1)),
      Math.floor((y * 255) / (height - 1)),
      Math.floor(((x + y) * 255) / (width + height - 2)),
    ]),
  discs(width, height) {
    const draw = lcg(width * 10007 + height);
    const shapes = Array.from({ length: 12 }, () => {
      const cx = Math.floor((draw() * width) / 256);
      const cy = Math.floor((draw() * height) / 256);
      const radius = 2 + Math.floor((draw() * Math.min(width, height)) / 768);
      return { cx, cy, square: radius * radius, colour: [draw(), draw(), draw()] as const };
    });
    return paint(width, height, (x, y) => {
      const level = ((x >> 3) ^ (y >> 3)) & 1 ? 230 : 25;
      const disc = shapes.findLast(({ cx, cy, square }) => (x - cx) ** 2 + (y - cy) ** 2 <= square);
      return disc?.colour ?? [level, level, level];
    });
  },
};

/** Numerical Recipes' generator, the top byte of each state. */
function lcg(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
}

function paint(width: number, height: number, colour: (x: number, y: number) => readonly [number, number, number]) {
  const out = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) for (let x = 0; x < width; x++, at += 3) out.set(colour(x, y), at);
  return out;
}
