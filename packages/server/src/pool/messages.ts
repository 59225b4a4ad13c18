// What the pool and a worker thread say to each other.

import type { ErrorCode, OutputName, OutputTensor } from "@ballsight/vision";
import type { PhotoLimits } from "../photos/decode.ts";

/** What a worker is started with. */
export interface WorkerSetup {
  /** The model file, in shared memory: one copy, however many workers. */
  readonly model: SharedArrayBuffer;
  /** What errors call the model. */
  readonly name: string;
  /** Of one session's kernels. */
  readonly threads: number;
  readonly limits: PhotoLimits;
}

/** A photo's file, or pixels: uint8 RGB [N, H, W, 3]. A buffer that holds nothing else goes over to the worker: who needs it again hands in a copy. */
export type Picture =
  | { readonly bytes: Uint8Array }
  | { readonly pixels: Uint8Array; readonly dims: readonly [number, number, number, number] };

export interface Work {
  readonly picture: Picture;
  /** What errors call the picture. */
  readonly name: string;
  readonly outputs: readonly OutputName[];
}

export interface WorkMessage extends Work {
  readonly id: number;
}

/** What a worker is told: a photo, or to end after those that it has. */
export type WorkerOrder = WorkMessage | { readonly end: true };

export interface Outputs {
  readonly outputs: Partial<Record<OutputName, OutputTensor>>;
  /** Of a picture as seen, pixels. */
  readonly width: number;
  readonly height: number;
  /** 0 for pixels. */
  readonly decodeMs: number;
  readonly inferMs: number;
}

/** A BallsightError without its class, which a message would lose. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, string | number>>;
}

/** A model as the server tells about it. */
export interface LoadedModel {
  readonly labels: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

export type WorkerMessage =
  | { readonly ready: LoadedModel }
  | { readonly refused: PlainError }
  | { readonly id: number; readonly answer: Outputs }
  | { readonly id: number; readonly error: PlainError };
