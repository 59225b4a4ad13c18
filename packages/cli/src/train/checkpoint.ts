// Checkpoints: the state in one safetensors file, with the position and the photos' fingerprint in its metadata.

import type { State } from "@ballsight/grad";
import { BallsightError, fail, type Position, readSafetensors, writeSafetensors } from "@ballsight/vision";

const FORMAT = "ballsight.checkpoint.1";

export interface Checkpoint {
  readonly state: State;
  readonly position: Position;
  /** Fingerprint of the photos that were trained on and held out. */
  readonly data: string;
}

export function writeCheckpoint({ state, position, data }: Checkpoint): Uint8Array {
  return writeSafetensors(state, { format: FORMAT, position: JSON.stringify(position), data });
}

/** @throws CHECKPOINT_INVALID */
export function readCheckpoint(bytes: Uint8Array, name: string): Checkpoint {
  try {
    const { tensors, metadata } = readSafetensors(bytes, name);
    const { format, position, data } = metadata;
    if (format !== FORMAT || position === undefined || data === undefined) {
      return fail("CHECKPOINT_INVALID", { name, received: "a safetensors file without a position" });
    }
    return { state: tensors, position: JSON.parse(position) as Position, data };
  } catch (cause) {
    if (cause instanceof BallsightError && cause.code === "CHECKPOINT_INVALID") throw cause;
    return fail("CHECKPOINT_INVALID", { name, received: "a damaged file" }, { cause });
  }
}
