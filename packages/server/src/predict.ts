// One photo to its prediction, as every protocol asks for it.

import { type OutputTensor, Prediction } from "@ballsight/vision";
import type { Pool, PoolAnswer, SubmitOptions } from "./pool/pool.ts";

export interface Answered extends PoolAnswer {
  readonly prediction: Prediction;
}

/** @param name what errors call the photo @throws as `Pool.submit` */
export async function predict(pool: Pool, bytes: Uint8Array, name: string, options: SubmitOptions): Promise<Answered> {
  const answer = await pool.submit({ picture: { bytes }, name, outputs: ["probabilities"] }, options);
  const { data } = answer.outputs.probabilities as OutputTensor;
  return { ...answer, prediction: new Prediction(answer.model.labels, data) };
}
