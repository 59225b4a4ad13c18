// Server-sent events as Gradio's clients read them: frames end with LF LF, no comments (Python's client stops at one).

import { fail } from "@ballsight/vision";
import { clientOf, isLoopback } from "./client.ts";
import type { ServerContext } from "./services.ts";

/** How often something must come, or clients and proxies take the stream for dead. */
const HEARTBEAT_MS = 15_000;
/** Frames that may wait for a client that does not read; then it is cut off. */
const MAX_UNREAD = 1000;
/** Fewer than the server's connections, so that requests and probes find one. */
const MAX_STREAMS = 1000;
/** Of one client. Programs on this very machine have no limit of their own, unless they are proxies. */
const MAX_CLIENT_STREAMS = 100;

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
  /** How each is ended, and whose it is. */
  readonly #open = new Map<() => void, string>();

  get size(): number {
    return this.#open.size;
  }

  /** @throws SERVER_BUSY */
  respond(c: ServerContext, { heartbeat, onOpen, onClose }: StreamOptions): Response {
    const headers = { "content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no" };
    // HEAD has no body to stream, so nobody would ever end it.
    if (c.req.method === "HEAD") return c.body(null, 200, headers);
    const client = clientOf(c);
    this.#admit(client);
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
        this.#open.set(finish, client);
        c.req.raw.signal.addEventListener("abort", () => finish(), { once: true });
        onOpen({ send, end: finish });
      },
      cancel: () => finish(),
    });
    return c.body(body, 200, headers);
  }

  endAll(): void {
    for (const finish of [...this.#open.keys()]) finish();
  }

  #admit(client: string): void {
    if (this.#open.size >= MAX_STREAMS) fail("SERVER_BUSY", { limit: MAX_STREAMS, what: "streams", seconds: 5 });
    if (isLoopback(client)) return;
    let own = 0;
    for (const other of this.#open.values()) if (other === client) own += 1;
    if (own >= MAX_CLIENT_STREAMS) {
      fail("SERVER_BUSY", { limit: MAX_CLIENT_STREAMS, what: "streams of one client", seconds: 5 });
    }
  }
}
