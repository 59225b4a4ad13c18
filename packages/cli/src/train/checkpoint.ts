// Checkpoints: the state in one safetensors file, with the position in its metadata.

import type { State } from "@ballsight/grad";
import { BallsightError, fail, type Position, readSafetensors, writeSafetensors } from "@ballsight/vision";

const FORMAT = "ballsight.checkpoint.1";

export function writeCheckpoint(state: State, position: Position): Uint8Array {
  return writeSafetensors(state, { format: FORMAT, position: JSON.stringify(position) });
}

/** @throws CHECKPOINT_INVALID */
export function readCheckpoint(
  bytes: Uint8Array,
  name: string,
): { readonly state: State; readonly position: Position } {
  try {
    const { tensors, metadata } = readSafetensors(bytes, name);
    if (metadata["format"] !== FORMAT || metadata["position"] === undefined) {
      return fail("CHECKPOINT_INVALID", { name, received: "a safetensors file without a position" });
    }
    return { state: tensors, position: JSON.parse(metadata["position"]) as Position };
  } catch (cause) {
    if (cause instanceof BallsightError && cause.code === "CHECKPOINT_INVALID") throw cause;
    return fail("CHECKPOINT_INVALID", { name, received: "a damaged file" }, { cause });
  }
}
