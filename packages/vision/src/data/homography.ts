// 3x3 homogeneous matrices of the plane: product, and the projective map that four pairs of points fix.

/** Row-major. */
export type Matrix3 = [number, number, number, number, number, number, number, number, number];

export type Point = readonly [number, number];

export const identity3 = (): Matrix3 => [1, 0, 0, 0, 1, 0, 0, 0, 1];

/** a b: applies b first. */
export function multiply3(a: Matrix3, b: Matrix3): Matrix3 {
  const product = identity3();
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 3; column++) {
      product[3 * row + column] =
        a[3 * row]! * b[column]! + a[3 * row + 1]! * b[column + 3]! + a[3 * row + 2]! * b[column + 6]!;
    }
  }
  return product;
}

/**
 * The matrix, last value 1, that maps each of four points to its partner. The points' quadrilateral must be convex.
 * Each pair gives two equations in the other eight values: a x + b y + c - X (g x + h y) = X, the same with d, e, f for Y.
 */
export function perspective(from: readonly Point[], to: readonly Point[]): Matrix3 {
  const rows = from.flatMap(([x, y], i) => {
    const [targetX, targetY] = to[i]!;
    return [
      [x, y, 1, 0, 0, 0, -targetX * x, -targetX * y, targetX],
      [0, 0, 0, x, y, 1, -targetY * x, -targetY * y, targetY],
    ];
  });
  return [...solve(rows), 1] as Matrix3;
}

/** Gauss and Jordan with row pivots; each row ends with its right-hand side. */
function solve(rows: number[][]): number[] {
  const size = rows.length;
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let row = column + 1; row < size; row++) {
      if (Math.abs(rows[row]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = row;
    }
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    const lead = rows[column]!;
    for (let row = 0; row < size; row++) {
      if (row === column) continue;
      const factor = rows[row]![column]! / lead[column]!;
      for (let k = column; k <= size; k++) rows[row]![k]! -= factor * lead[k]!;
    }
  }
  return rows.map((row, i) => row[size]! / row[i]!);
}
