// The worker that answers in the browser: it owns ONNX Runtime and the model, so that the page never stands still.

import { BallsightError, Recognizer } from "@ballsight/vision";
import { decode } from "./decode.ts";
import { download, FetchError } from "./download.ts";
import type { Progress, Reply, Request, Task, Tasks } from "./protocol.ts";
import { openRuntime } from "./runtimes.ts";

type OnProgress = (progress: Progress) => void;
type Handlers = {
  readonly [T in Task]: (request: Tasks[T]["request"], onProgress: OnProgress) => Promise<Tasks[T]["result"]>;
};

let loading: Promise<Recognizer> | undefined;

const handlers: Handlers = {
  async load({ model }, onProgress) {
    // A download that failed is tried again by the next call.
    loading ??= open(model, onProgress).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    const { labels } = await loading;
    return { labels };
  },

  async answer({ photo, name }) {
    const [recognizer, pixels] = await Promise.all([loaded(), decode(photo, name)]);
    const start = performance.now();
    const [prediction] = await recognizer.predict([pixels]);
    const milliseconds = performance.now() - start;
    return { confidences: prediction!.top(recognizer.labels.length), engine: "wasm", milliseconds };
  },
};

async function open({ url, bytes, name }: Tasks["load"]["request"]["model"], onProgress: OnProgress) {
  const [runtime, file] = await Promise.all([
    openRuntime("wasm", onProgress),
    download(url, bytes, (loaded, total) => onProgress({ part: "model", loaded, total })),
  ]);
  return Recognizer.load(runtime, file, { name });
}

function loaded(): Promise<Recognizer> {
  if (loading === undefined) throw new Error("asked before `load`");
  return loading;
}

const reply = (message: Reply) => self.postMessage(message);

self.onmessage = async ({ data }: MessageEvent<Request>) => {
  const { id, task } = data;
  try {
    const handle = handlers[task] as (request: Request, onProgress: OnProgress) => Promise<Tasks[Task]["result"]>;
    reply({ id, result: await handle(data, (progress) => reply({ id, progress })) });
  } catch (error) {
    reply({ id, error: describe(error) });
  }
};

function describe(error: unknown): Extract<Reply, { error: unknown }>["error"] {
  if (error instanceof BallsightError) return error.toJSON();
  if (error instanceof FetchError) return { code: "FETCH_FAILED", message: error.message };
  return new BallsightError("INTERNAL", { reason: String(error) }).toJSON();
}
