// Trainings of the toy network: in one go, or stopped and gone on with through the bytes of their checkpoints.

import { bytesOf, type Engine, localEngine, type State } from "@ballsight/grad";
import * as ort from "onnxruntime-node";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors.ts";
import type { LearnerConfig } from "../../src/learner/config.ts";
import { Learner, type LearnerOptions } from "../../src/learner/learner.ts";
import type { Position } from "../../src/learner/position.ts";
import { TOY_CONFIG, TOY_SPEC, toySource, toyState } from "./toyNetwork.ts";

export const COUNT = 24;
// 18 photos to train on, 4 steps of 4 and two photos left over; 6 held out.
export const SPLIT = { train: [...Array(18).keys()], valid: [18, 19, 20, 21, 22, 23] };
export const engine: Engine = localEngine(ort);

export interface Ended {
  readonly learner: Learner;
  readonly state: State;
  readonly position: Position;
}

export interface Setup extends Partial<Omit<LearnerOptions, "config">> {
  readonly config?: Partial<LearnerConfig>;
}

export function learnerOf({ config = {}, ...options }: Setup) {
  const checkpoints: { file: Uint8Array; position: Position }[] = [];
  const whole = { ...TOY_CONFIG, ...config };
  const learner = new Learner({
    engine,
    spec: { ...TOY_SPEC, head: whole.head },
    config: whole,
    state: toyState({ ...TOY_SPEC, head: whole.head }),
    source: (size) => toySource(COUNT, whole.size, size + 4),
    split: SPLIT,
    onCheckpoint: async (state, position) => {
      // Through the file's bytes and JSON, as on a disk.
      checkpoints.push({ file: writeSafetensors(state), position: JSON.parse(JSON.stringify(position)) });
    },
    ...options,
  });
  return { learner, checkpoints };
}

export async function train(
  setup: Setup = {},
): Promise<Ended & { checkpoints: ReturnType<typeof learnerOf>["checkpoints"] }> {
  const { learner, checkpoints } = learnerOf(setup);
  await learner.fineTune();
  const { file, position } = checkpoints.at(-1)!;
  return { learner, state: readSafetensors(file).tensors, position, checkpoints };
}

/** A position without what the clock says. */
export const timeless = ({ rows, spent: _, ...position }: Position) => ({
  ...position,
  rows: rows.map(({ seconds: _, engineSeconds: __, waitSeconds: ___, ...row }) => row),
});

/** Names of `before` whose values are not the same in `after`. */
export function changed(before: State, after: State): string[] {
  return [...before]
    .filter(([name, { data }]) => Buffer.compare(bytesOf(data), bytesOf(after.get(name)!.data)) !== 0)
    .map(([name]) => name)
    .sort();
}

/** Trains, stops before step `every` of each go, and goes on from the checkpoint's bytes until done. */
export async function inPieces(setup: Setup, every: number): Promise<{ ended: Ended; stops: number[] }> {
  let state = setup.state ?? toyState({ ...TOY_SPEC, head: setup.config?.head ?? TOY_CONFIG.head });
  let position: Position | undefined;
  const stops: number[] = [];
  for (;;) {
    let steps = 0;
    const { learner, checkpoints } = learnerOf({
      ...setup,
      state,
      ...(position && { position }),
      stopping: () => steps++ >= every,
    });
    const done = await learner.fineTune().then(
      () => true,
      (error: { code?: string }) => {
        if (error.code !== "INTERRUPTED") throw error;
        return false;
      },
    );
    const last = checkpoints.at(-1)!;
    state = readSafetensors(last.file).tensors;
    position = last.position;
    if (done) return { ended: { learner, state, position }, stops };
    stops.push(position.step);
  }
}
