// Moving average of the weights (Polyak and Juditsky 1992): what is validated and exported when averaging is on.

/** Decay of update t (from 0): short at first, since the early weights are soon wrong. TensorFlow's warm-up. */
export function averageDecay(decay: number, t: number): number {
  return Math.min(decay, (1 + t) / (10 + t));
}
