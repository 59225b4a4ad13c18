// Ops that prepare data inside the graph and have no gradient rule: cast, clamp, gatherRows, gridSample.

import { expectShape } from "../errors.ts";
import type { DType } from "../tensor.ts";
import { apply, type OpDefinition, type Value } from "./graph.ts";
import { showShape } from "./shape.ts";

export interface CastAttributes {
  readonly dtype: DType;
}

export const castOp: OpDefinition<CastAttributes> = {
  name: "cast",
  infer: ([x], { dtype }) => [{ dtype, shape: x!.shape }],
};

export interface ClampAttributes {
  readonly min: number;
  readonly max: number;
}

export const clampOp: OpDefinition<ClampAttributes> = {
  name: "clamp",
  infer: ([x]) => [{ dtype: x!.dtype, shape: x!.shape }],
};

/** (x [N, ...], index int64 [M]) to [M, ...]. */
export const gatherRowsOp: OpDefinition<Record<string, never>> = {
  name: "gatherRows",
  infer: ([x, index]) => {
    expectShape(
      index!.shape.length === 1 && index!.dtype === "int64",
      "gatherRows",
      () => `expected an int64 index [M] but received ${index!.dtype} ${showShape(index!.shape)}`,
    );
    return [{ dtype: x!.dtype, shape: [index!.shape[0]!, ...x!.shape.slice(1)] }];
  },
};

/**
 * (x [N, C, H, W], grid [N, h, w, 2]) to [N, C, h, w]: bilinear samples at (x, y) in [-1, 1] between the centres of the border
 * pixels, reflected about those beyond; torch's grid_sample(padding_mode="reflection", align_corners=True).
 */
export const gridSampleOp: OpDefinition<Record<string, never>> = {
  name: "gridSample",
  infer: ([x, grid]) => {
    expectShape(
      x!.shape.length === 4 && grid!.shape.length === 4 && grid!.shape[3] === 2 && grid!.shape[0] === x!.shape[0],
      "gridSample",
      () =>
        `expected x [N, C, H, W] and grid [N, h, w, 2] but received ${showShape(x!.shape)} and ${showShape(grid!.shape)}`,
    );
    return [{ dtype: x!.dtype, shape: [x!.shape[0]!, x!.shape[1]!, grid!.shape[1]!, grid!.shape[2]!] }];
  },
};

export const cast = (x: Value, dtype: DType) => apply(castOp, [x], { dtype });
export const clamp = (x: Value, min: number, max: number) => apply(clampOp, [x], { min, max });
export const gatherRows = (x: Value, index: Value) => apply(gatherRowsOp, [x, index], {});
export const gridSample = (x: Value, grid: Value) => apply(gridSampleOp, [x, grid], {});
