// Gradio's queue (sse_v3): events of a session are joined one by one and told on one stream, which may be opened after they are ready.

import { randomUUID } from "node:crypto";
import { BallsightError, fail } from "@ballsight/vision";
import type { EventStream, StreamOptions } from "../http/sse.ts";
import { envelope, type Label } from "./label.ts";

/** A session whose stream nobody opens is forgotten, and its work dropped. */
const UNCLAIMED_MS = 60_000;
const MAX_SESSIONS = 1000;
/** Of one session. */
const MAX_PENDING = 100;

export interface QueuedWork {
  readonly rank: number;
  readonly run: (signal: AbortSignal, onStart: () => void) => Promise<Label>;
}

interface Session {
  readonly pending: Map<string, AbortController>;
  /** Frames of the time before the stream. */
  readonly buffer: string[];
  stream: EventStream | undefined;
  timer: NodeJS.Timeout | undefined;
}

const frame = (message: object) => `data: ${JSON.stringify(message)}`;

export const HEARTBEAT = frame({ msg: "heartbeat", event_id: null });

const UNKNOWN_SESSION = frame({
  msg: "unexpected_error",
  event_id: null,
  message: "404: Not Found",
  session_not_found: true,
  success: false,
});

export class Sessions {
  readonly #sessions = new Map<string, Session>();

  get size(): number {
    return this.#sessions.size;
  }

  /** Begins the work and returns its event id. @throws SERVER_BUSY */
  join(hash: string, { rank, run }: QueuedWork): string {
    const session = this.#sessions.get(hash) ?? this.#open(hash);
    if (session.pending.size >= MAX_PENDING) {
      fail("SERVER_BUSY", { limit: MAX_PENDING, what: "photos of this session", seconds: 1 });
    }
    const id = randomUUID().replaceAll("-", "");
    const controller = new AbortController();
    session.pending.set(id, controller);
    this.#tell(session, { msg: "estimation", event_id: id, rank, queue_size: rank + 1, rank_eta: null });
    void this.#work(hash, session, id, run, controller.signal);
    return id;
  }

  /** The stream of a session. A second one for the same session takes the place of the first. */
  stream(hash: string): StreamOptions {
    const session = this.#sessions.get(hash);
    if (session === undefined) {
      const onOpen = ({ send, end }: EventStream) => {
        send(UNKNOWN_SESSION);
        end();
      };
      return { heartbeat: HEARTBEAT, onOpen, onClose: () => undefined };
    }
    let own: EventStream | undefined;
    return {
      heartbeat: HEARTBEAT,
      onOpen: (stream) => {
        const former = session.stream;
        own = stream;
        session.stream = stream;
        clearTimeout(session.timer);
        former?.end();
        for (const text of session.buffer.splice(0)) stream.send(text);
        this.#endIfDone(hash, session);
      },
      onClose: () => {
        // The client left: what it still waits for is not computed.
        if (own !== undefined && session.stream === own) this.#drop(hash, session);
      },
    };
  }

  /** Drops one event; its session is told. */
  cancel(id: string): void {
    for (const { pending } of this.#sessions.values()) pending.get(id)?.abort();
  }

  #open(hash: string): Session {
    if (this.#sessions.size >= MAX_SESSIONS) this.#makeRoom();
    const session: Session = { pending: new Map(), buffer: [], stream: undefined, timer: undefined };
    session.timer = setTimeout(() => this.#drop(hash, session), UNCLAIMED_MS);
    session.timer.unref();
    this.#sessions.set(hash, session);
    return session;
  }

  /** The oldest that nobody listens to goes: its client has left, or never was one. @throws SERVER_BUSY */
  #makeRoom(): void {
    for (const [hash, session] of this.#sessions) {
      if (session.stream !== undefined) continue;
      this.#drop(hash, session);
      return;
    }
    fail("SERVER_BUSY", { limit: MAX_SESSIONS, what: "sessions", seconds: 1 });
  }

  async #work(hash: string, session: Session, id: string, run: QueuedWork["run"], signal: AbortSignal): Promise<void> {
    const began = performance.now();
    const onStart = () => this.#tell(session, { msg: "process_starts", event_id: id, eta: null });
    let outcome: object;
    try {
      const label = await run(signal, onStart);
      outcome = { output: envelope(label, (performance.now() - began) / 1000), success: true, title: null };
    } catch (error) {
      const message = error instanceof BallsightError ? error.message : "internal fault";
      // With `output: {}` today's clients throw a TypeError of their own.
      outcome = {
        output: { error: message, duration: 10, visible: true, title: "Error" },
        success: false,
        title: "Error",
      };
    }
    session.pending.delete(id);
    this.#tell(session, { msg: "process_completed", event_id: id, ...outcome });
    this.#endIfDone(hash, session);
  }

  #tell(session: Session, message: object): void {
    const text = frame(message);
    if (session.stream === undefined) session.buffer.push(text);
    else session.stream.send(text);
  }

  /** Without close_stream the next prediction of the same JavaScript client would wait for ever. */
  #endIfDone(hash: string, session: Session): void {
    if (session.stream === undefined || session.pending.size > 0) return;
    const { stream } = session;
    stream.send(frame({ msg: "close_stream", event_id: null }));
    this.#drop(hash, session);
    stream.end();
  }

  #drop(hash: string, session: Session): void {
    clearTimeout(session.timer);
    session.stream = undefined;
    // A later session may have the same hash.
    if (this.#sessions.get(hash) === session) this.#sessions.delete(hash);
    for (const controller of session.pending.values()) controller.abort();
  }
}
