// A shard of `predict`: the photos that a worker is asked for and its answers.

import { isAbsolute } from "node:path";
import { fail } from "@ballsight/vision";
import type { PhotoAnswer } from "./print.ts";

/** Photos of a shard: a second or two of a worker's time. */
export const SHARD_SIZE = 32;

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

/** Whoever can write to Redis can ask. @throws SHARD_INVALID */
export function predictShardOf(content: unknown): PredictShard {
  const { photos, top, model, modelHash } = fieldsOf(content);
  const isRight =
    Array.isArray(photos) &&
    photos.length <= SHARD_SIZE &&
    photos.every((photo) => typeof fieldsOf(photo).name === "string" && isPath(fieldsOf(photo).path)) &&
    Number.isSafeInteger(top) &&
    (top as number) >= 1 &&
    (model === undefined || isPath(model)) &&
    typeof modelHash === "string" &&
    /^[\da-f]{64}$/.test(modelHash);
  return isRight ? (content as PredictShard) : fail("SHARD_INVALID", { received: "something else" });
}

/** Whoever can write to the folder of answers can answer. Undefined for what is no answer. */
export function predictResultOf(value: unknown): PredictShardResult | undefined {
  const { labels, answers } = fieldsOf(value);
  const isRight =
    Array.isArray(labels) &&
    labels.every((label) => typeof label === "string") &&
    Array.isArray(answers) &&
    answers.every(isAnswer);
  return isRight ? { labels, answers } : undefined;
}

function isAnswer(value: unknown): value is PhotoAnswer {
  const { top, error } = fieldsOf(value);
  const { code, message } = fieldsOf(error);
  if (error !== undefined) return typeof code === "string" && typeof message === "string";
  if (!Array.isArray(top)) return false;
  return top.every((one) => {
    const { label, confidence } = fieldsOf(one);
    return typeof label === "string" && typeof confidence === "number";
  });
}

const isPath = (value: unknown): boolean => typeof value === "string" && isAbsolute(value);

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? { ...value } : {};
