// Calls as curl makes them: a POST for an id, a GET of the id for its one answer, a while later or before it is ready.

import { randomUUID } from "node:crypto";
import { BallsightError } from "@ballsight/vision";
import { gradioError } from "../http/errors.ts";
import type { EventStream, StreamOptions } from "../http/sse.ts";
import type { Label } from "./label.ts";

interface Call {
  readonly frame: Promise<string>;
  readonly controller: AbortController;
  readonly until: number;
}

/** How long answers can be asked for, and how many are kept. */
const KEEP_MS = 10 * 60_000;
const MAX_CALLS = 1000;

const frame = (event: string, data: unknown) => `event: ${event}\ndata: ${JSON.stringify(data)}`;

export class CallStore {
  readonly #calls = new Map<string, Call>();

  get size(): number {
    return this.#calls.size;
  }

  add(run: (signal: AbortSignal) => Promise<Label>, now = performance.now()): string {
    const id = randomUUID().replaceAll("-", "");
    const controller = new AbortController();
    const answer = run(controller.signal).then(
      (label) => frame("complete", [label]),
      (error: unknown) => {
        const {
          error: message,
          duration,
          visible,
          title,
        } = gradioError(error instanceof BallsightError ? error.message : "internal fault");
        return frame("error", { error: message, duration, visible, title });
      },
    );
    this.#calls.set(id, { frame: answer, controller, until: now + KEEP_MS });
    for (const [oldest, call] of this.#calls) {
      if (call.until > now && this.#calls.size <= MAX_CALLS) break;
      this.cancel(oldest);
      this.#calls.delete(oldest);
    }
    return id;
  }

  /** The answer as often as it is asked for, while it is kept. */
  stream(id: string): StreamOptions {
    const call = this.#calls.get(id);
    const onOpen = async ({ send, end }: EventStream) => {
      send(call === undefined ? frame("error", "404: Not Found") : await call.frame);
      end();
    };
    return { heartbeat: frame("heartbeat", null), onOpen: (stream) => void onOpen(stream), onClose: () => undefined };
  }

  cancel(id: string): void {
    this.#calls.get(id)?.controller.abort();
  }

  sweep(now = performance.now()): void {
    for (const [id, call] of this.#calls) {
      if (call.until > now) return;
      this.#calls.delete(id);
    }
  }
}
