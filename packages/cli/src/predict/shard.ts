// A shard of `predict`: the photos that a worker is asked for and its answers.

import type { PhotoAnswer } from "./print.ts";

export interface PredictShard {
  readonly photos: readonly {
    /** As errors call it. */
    readonly name: string;
    /** Absolute on the coordinator's machine. */
    readonly path: string;
  }[];
  /** How many labels of each. */
  readonly top: number;
  /** Absolute on the coordinator's machine; undefined for the recogniser that ships. */
  readonly model?: string;
  /** SHA-256 of the model file: answers of another model would be mixed in unseen. */
  readonly modelHash: string;
}

export interface PredictShardResult {
  /** All of the model's. */
  readonly labels: readonly string[];
  /** In the order of the photos. */
  readonly answers: readonly PhotoAnswer[];
}
