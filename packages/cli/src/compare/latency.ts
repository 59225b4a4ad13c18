// How long a model file takes for one photo on this machine.

import type { Recognizer, RgbPhoto } from "@ballsight/vision";

const WARM_UP = 2;
const LEAST_RUNS = 5;
const MOST_RUNS = 50;
const ENOUGH_MS = 1000;

/** Milliseconds from decoded pixels to probabilities: the median of as many runs as a second holds, the first ones left out. */
export async function latencyOf(recognizer: Recognizer, photo: RgbPhoto): Promise<number> {
  for (let i = 0; i < WARM_UP; i++) await recognizer.predict([photo]);
  const times: number[] = [];
  const began = performance.now();
  while (times.length < LEAST_RUNS || (times.length < MOST_RUNS && performance.now() - began < ENOUGH_MS)) {
    const start = performance.now();
    await recognizer.predict([photo]);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[times.length >> 1]!;
}
