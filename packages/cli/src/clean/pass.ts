// One pass over a data set: what the cache knows is read from there, what it does not is decoded once and shown to the model.

import { createHash } from "node:crypto";
import { join } from "node:path";
import { readPhotoFile } from "@ballsight/server/photos";
import { BallsightError, type Recognizer, type RgbPhoto, type Rows } from "@ballsight/vision";
import type { Dataset } from "../data/dataset.ts";
import { DECODE_AHEAD } from "../evaluate/answers.ts";
import { aheadOf } from "../images/aheadOf.ts";
import { sha256Of } from "../verify/check.ts";
import {
  type DecodedPhoto,
  decodePhoto,
  LOOK_BYTES,
  LOOK_VERSION,
  lookAt,
  type PhotoLook,
  packLook,
  unpackLook,
} from "./look.ts";
import { Records } from "./records.ts";

/** Of how a model is asked; its bytes count besides. */
const ANSWER_VERSION = 1;

export interface PassedPhoto extends PhotoLook {
  /** As on disk, relative to the data set's folder. */
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  /** Milliseconds. */
  readonly modified: number;
  /** Class, into the data set's. */
  readonly target: number;
  /** Into the data set's files. */
  readonly index: number;
}

export interface Passed {
  readonly photos: readonly PassedPhoto[];
  /** The model's, a row per photo. */
  readonly embeddings: Rows;
  readonly probabilities: Rows;
  /** Why photos could not be read, by their index in the data set. */
  readonly failures: ReadonlyMap<number, unknown>;
  /** Photos that had to be decoded. */
  readonly decoded: number;
}

export interface PassOptions {
  readonly dataset: Dataset;
  readonly recognizer: Recognizer;
  /** SHA-256 of the model file. */
  readonly model: string;
  /** The data set's folder in the cache, held. */
  readonly folder: string;
  readonly onProgress: (done: number, total: number) => void;
}

export async function passOver(options: PassOptions): Promise<Passed> {
  const { dataset, recognizer, model, folder, onProgress } = options;
  const looks = await Records.open(join(folder, `looks-${LOOK_VERSION}.bin`), LOOK_BYTES);
  const width = await embeddingWidth(recognizer);
  const classes = recognizer.labels.length;
  const answersFile = `answers-${ANSWER_VERSION}-${model.slice(0, 16)}.bin`;
  const answers = await Records.open(join(folder, answersFile), 4 * (width + classes));
  try {
    const photos: PassedPhoto[] = [];
    const rows: Uint8Array[] = [];
    const failures = new Map<number, unknown>();
    let [done, decoded] = [0, 0];
    const indices = [...dataset.files.keys()];
    const read = aheadOf(indices, DECODE_AHEAD, (index) => readOne(dataset, index, looks, answers));
    for await (const { item: index, outcome } of read) {
      if (outcome.status === "rejected") failures.set(index, outcome.reason);
      else {
        const { sha256, bytes, look, fresh } = outcome.value;
        if (fresh !== undefined) decoded += 1;
        // Of two copies under way at once the second was decoded too, and is asked for nothing.
        const answer =
          answers.get(sha256) ?? (await ask(recognizer, fresh!.photo, (error) => failures.set(index, error)));
        if (answer !== undefined) {
          if (answers.get(sha256) === undefined) await answers.set(sha256, answer);
          if (looks.get(sha256) === undefined) await looks.set(sha256, packLook(look));
          const { sizes: _, modified, files, targets } = dataset;
          photos.push({
            ...look,
            file: files[index]!,
            sha256,
            bytes,
            modified: modified[index]!,
            target: targets[index]!,
            index,
          });
          rows.push(answer);
        }
      }
      onProgress(++done, indices.length);
    }
    return { photos, ...unpackAnswers(rows, width, classes), failures, decoded };
  } finally {
    await Promise.all([looks.close(), answers.close()]);
  }
}

/** What the model says, as a record. A photo of a shape that no model takes is the photo's fault; a model that fails is nobody's but the model's. */
async function ask(
  recognizer: Recognizer,
  photo: RgbPhoto,
  onRefused: (error: unknown) => void,
): Promise<Uint8Array | undefined> {
  try {
    const [found] = await recognizer.describe([photo]);
    return packAnswer(found!.embedding, found!.prediction.probabilities);
  } catch (error) {
    if (!(error instanceof BallsightError) || error.code === "RUNTIME_FAILED") throw error;
    onRefused(error);
    return undefined;
  }
}

interface ReadPhoto {
  readonly sha256: string;
  readonly bytes: number;
  readonly look: PhotoLook;
  /** Where the cache did not know everything. */
  readonly fresh?: DecodedPhoto;
}

async function readOne(dataset: Dataset, index: number, looks: Records, answers: Records): Promise<ReadPhoto> {
  const file = dataset.files[index]!;
  const content = await readPhotoFile(join(dataset.dir, file), file);
  const sha256 = sha256Of(content);
  const known = looks.get(sha256);
  if (known !== undefined && answers.get(sha256) !== undefined) {
    return { sha256, bytes: content.length, look: unpackLook(known) };
  }
  const fresh = await decodePhoto(content, file);
  const look = known === undefined ? await lookAt(fresh) : unpackLook(known);
  return { sha256, bytes: content.length, look, fresh };
}

/** The contract leaves it to the architecture: a grey square is asked. */
async function embeddingWidth(recognizer: Recognizer): Promise<number> {
  const side = recognizer.preprocess.size;
  const grey = { width: side, height: side, data: new Uint8Array(side * side * 3).fill(128), name: "a grey square" };
  const [found] = await recognizer.describe([grey]);
  return found!.embedding.length;
}

function packAnswer(embedding: Float32Array, probabilities: Float32Array): Uint8Array {
  const all = new Float32Array(embedding.length + probabilities.length);
  all.set(embedding);
  all.set(probabilities, embedding.length);
  return new Uint8Array(all.buffer);
}

function unpackAnswers(records: readonly Uint8Array[], width: number, classes: number) {
  const embeddings = new Float32Array(records.length * width);
  const probabilities = new Float32Array(records.length * classes);
  for (const [row, record] of records.entries()) {
    const values = new Float32Array(record.buffer);
    embeddings.set(values.subarray(0, width), row * width);
    probabilities.set(values.subarray(width), row * classes);
  }
  return { embeddings: { data: embeddings, width }, probabilities: { data: probabilities, width: classes } };
}

/** Where a data set's records are kept: by its folder, so that what has gone from it can be let go. */
export function recordsFolder(root: string, dir: string): string {
  return join(root, createHash("sha256").update(dir).digest("hex").slice(0, 24));
}
