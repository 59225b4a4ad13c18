// What can be measured of a picture's pixels: figures only, no verdict, so that a threshold can move without a decode (formulas: CleanVision's).

/** RGB, row by row, uint8 [height, width, 3]. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

export interface PictureFigures {
  /** Percentiles of perceived brightness, 0 to 1: the 1st, 5th, 50th, 95th and 99th. */
  readonly brightness: readonly [number, number, number, number, number];
  /** Entropy of all 3 x 256 values together, bits: 0 to 9.58. */
  readonly entropy: number;
  /** The 99th percentile of a pixel's largest less its smallest channel, 0 to 255: small where there is no colour. */
  readonly colour: number;
}

export interface SharpnessFigures {
  /** Standard deviation of the Laplacian, grey levels. */
  readonly edges: number;
  /** Standard deviation of the counts of the 256 grey levels. */
  readonly levels: number;
}

const LEVELS = 256;

/** Of the whole picture; a few hundred pixels a side are enough. */
export function pictureFigures({ width, height, data }: Pixels): PictureFigures {
  const count = width * height;
  const brightness = new Float32Array(count);
  const spreads = new Uint32Array(LEVELS);
  const values = new Uint32Array(3 * LEVELS);
  for (let i = 0; i < count; i++) {
    const [r, g, b] = [data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!];
    // HSP (Finley 2006): CleanVision's weights.
    brightness[i] = Math.sqrt(0.241 * r * r + 0.691 * g * g + 0.068 * b * b) / 255;
    spreads[Math.max(r, g, b) - Math.min(r, g, b)]! += 1;
    values[r]! += 1;
    values[LEVELS + g]! += 1;
    values[2 * LEVELS + b]! += 1;
  }
  brightness.sort();
  const at = (percent: number) => percentileOf(brightness, percent);
  return {
    brightness: [at(1), at(5), at(50), at(95), at(99)],
    entropy: entropyOf(values, 3 * count),
    colour: levelBelow(spreads, 0.99 * count),
  };
}

/** Of the grey picture, its long side at most 64 pixels: larger ones have finer edges, and thresholds would not fit. */
export function sharpnessFigures(grey: Uint8Array, width: number, height: number): SharpnessFigures {
  const counts = new Float64Array(LEVELS);
  for (const value of grey) counts[value]! += 1;
  const edges = new Float64Array(grey.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const isBorder = x === 0 || y === 0 || x === width - 1 || y === height - 1;
      // Pillow's FIND_EDGES: the border stays as it is, the rest is cut off at 0 and 255.
      edges[i] = isBorder ? grey[i]! : Math.min(255, Math.max(0, laplacian(grey, width, i)));
    }
  }
  return { edges: deviationOf(edges), levels: deviationOf(counts) };
}

function laplacian(grey: Uint8Array, width: number, i: number): number {
  let sum = 9 * grey[i]!;
  for (let dy = -width; dy <= width; dy += width) sum -= grey[i + dy - 1]! + grey[i + dy]! + grey[i + dy + 1]!;
  return sum;
}

/** Of sorted values, linear between ranks, as numpy's. */
export function percentileOf(sorted: ArrayLike<number>, percent: number): number {
  const rank = ((sorted.length - 1) * percent) / 100;
  const below = Math.floor(rank);
  const low = sorted[below]!;
  return low + (rank - below) * ((sorted[below + 1] ?? low) - low);
}

function entropyOf(counts: Uint32Array, total: number): number {
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= (count / total) * Math.log2(count / total);
  return bits;
}

/** The smallest level that at least `wanted` pixels do not exceed. */
function levelBelow(counts: Uint32Array, wanted: number): number {
  let sum = 0;
  for (let level = 0; level < counts.length; level++) {
    sum += counts[level]!;
    if (sum >= wanted) return level;
  }
  return counts.length - 1;
}

function deviationOf(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
