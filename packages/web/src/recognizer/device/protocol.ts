// What the page and its worker say to each other: one request, its progress, one result or error.

import type { ActivationMap, Answer, ErrorCode } from "@ballsight/vision";
import type { SiteModel } from "../siteConfig.ts";

export type Engine = "wasm" | "webgpu";

/** What the worker can be asked to do, and what comes back. */
export interface Tasks {
  /** Fetches runtime and model; done once, later calls answer at once. */
  load: { readonly request: { readonly model: SiteModel }; readonly result: LoadedModel };
  answer: { readonly request: Photo; readonly result: DeviceAnswer };
  explain: { readonly request: Photo & { readonly label: string }; readonly result: HeatMap };
  /** Moves to the GPU where it gives the same probabilities for `photo`; else stays and says why. */
  tryGpu: { readonly request: Photo; readonly result: GpuCheck };
  leaveGpu: { readonly request: object; readonly result: null };
}

export interface Photo {
  readonly photo: Blob;
  /** What errors call it. */
  readonly name: string;
}

export interface LoadedModel {
  readonly labels: readonly string[];
}

export interface DeviceAnswer {
  /** One per label, best first. */
  readonly confidences: readonly Answer[];
  readonly engine: Engine;
  /** Decoding and the model. */
  readonly milliseconds: number;
}

export interface HeatMap extends ActivationMap {
  /** The part of the photo that the network sees, as shares of its sides. */
  readonly area: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
}

export type GpuCheck =
  | { readonly used: true; readonly difference: number }
  | { readonly used: false; readonly reason: string };

export interface Progress {
  readonly part: "runtime" | "model" | "gpu runtime";
  readonly loaded: number;
  /** Bytes; 0 where unknown. */
  readonly total: number;
}

export type Task = keyof Tasks;
export type Request = { [T in Task]: { readonly id: number; readonly task: T } & Tasks[T]["request"] }[Task];

export type Reply = { readonly id: number } & (
  | { readonly progress: Progress }
  | { readonly result: Tasks[Task]["result"] }
  | { readonly error: { readonly code: ErrorCode | "FETCH_FAILED"; readonly message: string } }
);
