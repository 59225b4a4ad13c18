// Embeddings made comparable: rows of length 1, whose products are cosines, and the same centred and scaled for a linear head.

/** Rows of a matrix, one after the other. */
export interface Rows {
  readonly data: Float32Array;
  /** Numbers per row. */
  readonly width: number;
}

export const rowCount = ({ data, width }: Rows): number => data.length / width;

/** Each row divided by its length; a row of zeros stays one. */
export function unitRows({ data, width }: Rows): Rows {
  const unit = new Float32Array(data.length);
  for (let row = 0; row < data.length; row += width) {
    let sum = 0;
    for (let i = row; i < row + width; i++) sum += data[i]! * data[i]!;
    const scale = sum === 0 ? 0 : 1 / Math.sqrt(sum);
    for (let i = row; i < row + width; i++) unit[i] = data[i]! * scale;
  }
  return { data: unit, width };
}

/** Without their mean, and scaled so that the mean squared length is 1: one regularisation then fits all networks. */
export function centredRows(rows: Rows): Rows {
  const { data, width } = rows;
  const count = rowCount(rows);
  const mean = new Float64Array(width);
  for (let i = 0; i < data.length; i++) mean[i % width]! += data[i]! / count;
  const centred = Float32Array.from(data, (value, i) => value - mean[i % width]!);
  let sum = 0;
  for (const value of centred) sum += value * value;
  const scale = sum === 0 ? 0 : Math.sqrt(count / sum);
  return { data: centred.map((value) => value * scale), width };
}

/** Of two unit rows: 1 for the same direction. */
export function cosine({ data, width }: Rows, a: number, b: number): number {
  let sum = 0;
  for (let i = 0; i < width; i++) sum += data[a * width + i]! * data[b * width + i]!;
  return sum;
}
