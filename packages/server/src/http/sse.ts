// Server-sent events as Gradio's clients read them: frames end with LF LF, no comments (Python's client stops at one).

import type { ServerContext } from "./services.ts";

/** How often something must come, or clients and proxies take the stream for dead. */
const HEARTBEAT_MS = 15_000;
/** Frames that may wait for a client that does not read; then it is cut off. */
const MAX_UNREAD = 1000;

export interface EventStream {
  /** @param frame without its last line break */
  readonly send: (frame: string) => void;
  readonly end: () => void;
}

export interface StreamOptions {
  /** What is sent while nothing happens. */
  readonly heartbeat: string;
  /** Called once, when the client can hear. */
  readonly onOpen: (stream: EventStream) => void;
  /** Called once, whoever ended it. */
  readonly onClose: () => void;
}

/** Streams that are open, so that a server that stops can end them. */
export class Streams {
  readonly #open = new Set<() => void>();

  get size(): number {
    return this.#open.size;
  }

  respond(c: ServerContext, { heartbeat, onOpen, onClose }: StreamOptions): Response {
    const headers = { "content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no" };
    // HEAD has no body to stream, so nobody would ever end it.
    if (c.req.method === "HEAD") return c.body(null, 200, headers);
    const encoder = new TextEncoder();
    let finish = () => {};
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        let done = false;
        finish = () => {
          if (done) return;
          done = true;
          clearInterval(timer);
          this.#open.delete(finish);
          try {
            controller.close();
          } catch {
            // The client has gone: there is nothing to close.
          }
          onClose();
        };
        const send = (frame: string) => {
          if (done) return;
          controller.enqueue(encoder.encode(`${frame}\n\n`));
          if ((controller.desiredSize ?? 0) < -MAX_UNREAD) finish();
        };
        const timer = setInterval(() => send(heartbeat), HEARTBEAT_MS);
        this.#open.add(finish);
        c.req.raw.signal.addEventListener("abort", () => finish(), { once: true });
        onOpen({ send, end: finish });
      },
      cancel: () => finish(),
    });
    return c.body(body, 200, headers);
  }

  endAll(): void {
    for (const finish of [...this.#open]) finish();
  }
}
