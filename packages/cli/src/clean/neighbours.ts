// Which photos are nearest to each photo, in every class: one table that wrong labels, crops and strangers are all looked up in.

import type { OrtRuntime } from "@ballsight/grad";
import { type Neighbours, nearestRows, type Rows } from "@ballsight/vision";

/** For each class the nearest of its photos to every photo; `rows` are photos, not rows of the class. */
export type ClassNeighbours = readonly Neighbours[];

/** @param features rows of length 1 */
export async function nearestByClass(
  runtime: OrtRuntime,
  features: Rows,
  targets: ArrayLike<number>,
  classes: number,
  k: number,
  onProgress?: (done: number, total: number) => void,
): Promise<ClassNeighbours> {
  const found: Neighbours[] = [];
  for (let target = 0; target < classes; target++) {
    const base = [...Array.from(targets).keys()].filter((row) => targets[row] === target);
    const nearest = await nearestRows(runtime, features, pickRows(features, base), k, (share) =>
      onProgress?.(Math.round(100 * (target + share)), 100 * classes),
    );
    found.push({ ...nearest, rows: nearest.rows.map((row) => base[row]!) });
  }
  return found;
}

/** The nearest of all classes together: the `k` best of each photo's lists. */
export function nearestOfAll(byClass: ClassNeighbours, count: number, k: number): Neighbours {
  const most = Math.min(
    k,
    byClass.reduce((sum, one) => sum + one.k, 0),
  );
  const rows = new Int32Array(count * most);
  const cosines = new Float32Array(count * most);
  for (let photo = 0; photo < count; photo++) {
    const lists = byClass.flatMap((one) => neighboursOf(one, photo));
    const best = lists.sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, most);
    for (const [i, [row, cosine]] of best.entries()) {
      rows[photo * most + i] = row;
      cosines[photo * most + i] = cosine;
    }
  }
  return { k: most, rows, cosines };
}

/** The neighbours of one query, nearest first. */
export function neighboursOf({ rows, cosines, k }: Neighbours, query: number): (readonly [number, number])[] {
  return Array.from({ length: k }, (_, i) => [rows[query * k + i]!, cosines[query * k + i]!] as const);
}

export function pickRows({ data, width }: Rows, rows: readonly number[]): Rows {
  const picked = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) picked.set(data.subarray(row * width, (row + 1) * width), i * width);
  return { data: picked, width };
}
