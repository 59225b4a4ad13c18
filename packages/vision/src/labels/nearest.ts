// The nearest rows by cosine, all against all: one matrix product and TopK in ONNX Runtime, block by block.

import { OnnxGraph, type OrtRuntime } from "@ballsight/grad";
import { type Rows, rowCount } from "./features.ts";

export interface Neighbours {
  /** How many there are of each row. */
  readonly k: number;
  /** Rows of `base`, nearest first, [queries, k]. */
  readonly rows: Int32Array;
  /** Cosines, [queries, k]. */
  readonly cosines: Float32Array;
}

/** Queries per product: a block's cosines with 100,000 rows are 100 MB. */
const BLOCK = 256;

/** The `k` rows of `base` nearest to each of `queries`, both of unit rows; fewer where `base` has fewer. A row that is in both finds itself. */
export async function nearestRows(
  runtime: OrtRuntime,
  queries: Rows,
  base: Rows,
  k: number,
  onProgress?: (share: number) => void,
): Promise<Neighbours> {
  const [count, width] = [rowCount(queries), base.width];
  const most = Math.min(k, rowCount(base));
  const rows = new Int32Array(count * most);
  const cosines = new Float32Array(count * most);
  if (most === 0) return { k: most, rows, cosines };
  const session = await runtime.InferenceSession.create(nearestModel(width, most));
  try {
    const fixed = new runtime.Tensor("float32", base.data, [rowCount(base), width]);
    for (let from = 0; from < count; from += BLOCK) {
      const part = queries.data.subarray(from * width, Math.min(from + BLOCK, count) * width);
      const q = new runtime.Tensor("float32", part, [part.length / width, width]);
      const found = await session.run({ queries: q, base: fixed });
      cosines.set(found.cosines!.data as Float32Array, from * most);
      rows.set(Int32Array.from(found.rows!.data as BigInt64Array, Number), from * most);
      onProgress?.(Math.min(1, (from + BLOCK) / count));
    }
  } finally {
    await session.release();
  }
  return { k: most, rows, cosines };
}

function nearestModel(width: number, k: number): Uint8Array {
  const g = new OnnxGraph("nearest");
  const queries = g.input("queries", "float32", ["M", width]);
  const base = g.input("base", "float32", ["N", width]);
  const products = g.op("Gemm", [queries, base], { transB: 1 });
  const [cosines, rows] = g.node("TopK", [products, g.ints(k)], { axis: 1 }, { outputs: 2 });
  g.output(cosines!, "float32", ["M", k], "cosines");
  g.output(rows!, "int64", ["M", k], "rows");
  return g.toModel();
}
