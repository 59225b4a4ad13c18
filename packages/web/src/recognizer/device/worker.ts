// The worker that answers in the browser: it owns ONNX Runtime and the model, so that the page never stands still.

import { BallsightError } from "@ballsight/vision";
import { decode } from "./decode.ts";
import { FetchError } from "./download.ts";
import { Model } from "./model.ts";
import type { Photo, Progress, Reply, Request, Task, Tasks } from "./protocol.ts";

type OnProgress = (progress: Progress) => void;
type Handlers = {
  readonly [T in Task]: (request: Tasks[T]["request"], onProgress: OnProgress) => Promise<Tasks[T]["result"]>;
};

let loading: Promise<Model> | undefined;

const handlers: Handlers = {
  async load({ model }, onProgress) {
    // A download that failed is tried again by the next call.
    loading ??= Model.load(model, onProgress).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    const { labels } = await loading;
    return { labels };
  },
  async answer(request) {
    const start = performance.now();
    const [model, pixels] = await open(request);
    const answer = await model.answer(pixels);
    return { ...answer, milliseconds: performance.now() - start };
  },
  async explain(request) {
    const [model, pixels] = await open(request);
    return model.explain(pixels, request.label);
  },
  async tryGpu(request, onProgress) {
    const [model, pixels] = await open(request);
    return model.tryGpu(pixels, onProgress);
  },
  async leaveGpu() {
    await (await loading)?.leaveGpu();
    return null;
  },
};

async function open({ photo, name }: Photo) {
  if (loading === undefined) throw new Error("asked before `load`");
  return Promise.all([loading, decode(photo, name)]);
}

const reply = (message: Reply) => self.postMessage(message);

// ONNX Runtime's sessions answer one question at a time, and photos are decoded one at a time to keep memory low.
let queue: Promise<void> = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<Request>) => {
  queue = queue.then(() => work(data));
};

async function work(request: Request): Promise<void> {
  const { id, task } = request;
  try {
    const handle = handlers[task] as (request: Request, onProgress: OnProgress) => Promise<Tasks[Task]["result"]>;
    reply({ id, result: await handle(request, (progress) => reply({ id, progress })) });
  } catch (error) {
    reply({ id, error: describe(error) });
  }
}

function describe(error: unknown): Extract<Reply, { error: unknown }>["error"] {
  if (error instanceof BallsightError) return error.toJSON();
  if (error instanceof FetchError) return { code: "FETCH_FAILED", message: error.message };
  return new BallsightError("INTERNAL", { reason: String(error) }).toJSON();
}
