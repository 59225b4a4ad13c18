// Moving average of the weights (Polyak and Juditsky 1992): what is validated and exported when averaging is on.

export interface AverageState {
  readonly average: Float32Array;
  readonly updates: number;
}

export interface WeightAverage {
  /** Starts from a copy of the weights. */
  init(weights: Float32Array): AverageState;
  /** `out` takes the new average; passing `state.average` updates in place and leaves the old state worthless. */
  update(state: AverageState, weights: Float32Array, out?: Float32Array): AverageState;
}

/** Decay of update t (from 0): short at first, since the early weights are soon wrong. TensorFlow's warm-up. */
export function averageDecay(decay: number, t: number): number {
  return Math.min(decay, (1 + t) / (10 + t));
}

/** @param decay share of the old average that stays, 0 to below 1 */
export function weightAverage(decay: number): WeightAverage {
  return {
    init: (weights) => ({ average: weights.slice(), updates: 0 }),
    update: ({ average, updates }, weights, out = new Float32Array(average.length)) => {
      const step = 1 - averageDecay(decay, updates);
      for (let i = 0; i < average.length; i++) out[i] = average[i]! + step * (weights[i]! - average[i]!);
      return { average: out, updates: updates + 1 };
    },
  };
}
