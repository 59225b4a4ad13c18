// L-BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.4): minimises smooth functions of many numbers.

export interface Evaluated {
  readonly value: number;
  readonly gradient: Float64Array;
}

export interface MinimizeOptions {
  readonly iterations?: number;
  /** Ends where the largest component of the gradient is this small, or a step lowers the value by no more than this share of it. */
  readonly tolerance?: number;
}

interface Correction {
  readonly step: Float64Array;
  readonly change: Float64Array;
  /** 1 / (step . change) */
  readonly rho: number;
}

const MEMORY = 8;
/** Of the decrease that the gradient promises (Armijo). */
const LEAST_DECREASE = 1e-4;
const MOST_HALVINGS = 20;

/** The point that it ends at. `evaluate` may take its time: it is asked once per step, rarely more often. */
export async function minimize(
  evaluate: (x: Float64Array) => Promise<Evaluated>,
  start: Float64Array,
  { iterations = 100, tolerance = 1e-5 }: MinimizeOptions = {},
): Promise<Float64Array> {
  let x = start;
  let at = await evaluate(x);
  const memory: Correction[] = [];
  for (let iteration = 0; iteration < iterations; iteration++) {
    if (at.gradient.every((g) => Math.abs(g) <= tolerance)) break;
    const direction = descent(at.gradient, memory);
    const slope = dot(direction, at.gradient);
    // The first step has no curvature to go by: one of length 1 at most.
    let length = memory.length > 0 ? 1 : Math.min(1, 1 / Math.sqrt(dot(at.gradient, at.gradient)));
    let next: { x: Float64Array; at: Evaluated } | undefined;
    for (let halving = 0; halving < MOST_HALVINGS && next === undefined; halving++, length /= 2) {
      const there = x.map((value, i) => value + length * direction[i]!);
      const found = await evaluate(there);
      if (found.value <= at.value + LEAST_DECREASE * length * slope) next = { x: there, at: found };
    }
    if (next === undefined) break;
    const step = next.x.map((value, i) => value - x[i]!);
    const change = next.at.gradient.map((value, i) => value - at.gradient[i]!);
    const curvature = dot(step, change);
    // Without positive curvature the approximation would lose its positive definiteness.
    if (curvature > 1e-12) memory.push({ step, change, rho: 1 / curvature });
    if (memory.length > MEMORY) memory.shift();
    const isDone = at.value - next.at.value <= tolerance * Math.abs(at.value);
    ({ x, at } = next);
    if (isDone) break;
  }
  return x;
}

/** Minus the approximate inverse Hessian times the gradient: the two-loop recursion. */
function descent(gradient: Float64Array, memory: readonly Correction[]): Float64Array {
  const q = gradient.map((g) => -g);
  const alphas: number[] = [];
  for (const { step, change, rho } of memory.toReversed()) {
    const alpha = rho * dot(step, q);
    alphas.push(alpha);
    add(q, change, -alpha);
  }
  const last = memory.at(-1);
  if (last !== undefined) {
    const scale = 1 / (last.rho * dot(last.change, last.change));
    for (let i = 0; i < q.length; i++) q[i]! *= scale;
  }
  for (const { step, change, rho } of memory) add(q, step, alphas.pop()! - rho * dot(change, q));
  return q;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function add(to: Float64Array, other: Float64Array, times: number): void {
  for (let i = 0; i < to.length; i++) to[i]! += times * other[i]!;
}
