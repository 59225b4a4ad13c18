// MixUp (Zhang et al. 2018) and CutMix (Yun et al. 2019) as fastai draws them, and the soft targets that go with them.

import type { Generator } from "../random/generator.ts";

/** How a batch of n is mixed: photo i with photo `partner[i]`, of which 1 - `lambda[i]` is taken. */
export interface Mix {
  readonly lambda: Float32Array;
  readonly partner: Uint32Array;
}

/** Pixels [x0, x1) by [y0, y1) that come from the partner. */
export interface CutBox {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

/** One lambda per photo, at least 0.5: a photo stays mostly itself, which keeps a pair from being drawn as both (a, b) and (b, a). */
export function drawMixUp(n: number, draws: Generator, alpha = 0.4): Mix {
  const lambda = Float32Array.from({ length: n }, () => {
    const beta = draws.beta(alpha, alpha);
    return Math.max(beta, 1 - beta);
  });
  return { lambda, partner: draws.permutation(n) };
}

/** One lambda and one box per batch; lambda is what the box leaves after it was clipped at the border. */
export function drawCutMix(
  n: number,
  width: number,
  height: number,
  draws: Generator,
  alpha = 1,
): Mix & { readonly box: CutBox } {
  const side = Math.sqrt(1 - draws.beta(alpha, alpha));
  const span = (length: number): [number, number] => {
    const half = Math.floor(Math.round(length * side) / 2);
    const centre = Math.round(draws.uniform(0, length));
    return [Math.max(centre - half, 0), Math.min(centre + half, length)];
  };
  const [x0, x1] = span(width);
  const [y0, y1] = span(height);
  const lambda = 1 - ((x1 - x0) * (y1 - y0)) / (width * height);
  return { lambda: new Float32Array(n).fill(lambda), partner: draws.permutation(n), box: { x0, y0, x1, y1 } };
}

export interface SoftTargetOptions {
  /** Label smoothing: this share is spread evenly over all classes, the true one included (0). */
  readonly smoothing?: number;
  readonly mix?: Mix;
  /** By which the loss of each class counts (1): torch's weights of soft targets. Rows then no longer sum to 1. */
  readonly classWeights?: readonly number[];
}

/** Probabilities to learn, [n, classes], rows sum to 1. Cross-entropy against them equals fastai's mixed and smoothed losses. */
export function softTargets(
  targets: ArrayLike<number>,
  classes: number,
  { smoothing = 0, mix, classWeights }: SoftTargetOptions = {},
): Float32Array {
  const rows = new Float32Array(targets.length * classes).fill(smoothing / classes);
  const give = (row: number, target: number, share: number) => {
    rows[row * classes + target]! += share * (1 - smoothing);
  };
  for (let i = 0; i < targets.length; i++) {
    const lambda = mix ? mix.lambda[i]! : 1;
    give(i, targets[i]!, lambda);
    if (mix) give(i, targets[mix.partner[i]!]!, 1 - lambda);
  }
  return classWeights === undefined ? rows : rows.map((value, i) => value * classWeights[i % classes]!);
}
