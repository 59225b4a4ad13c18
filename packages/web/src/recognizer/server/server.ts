// The API as a backend: any Gradio app with a `/predict` of one image in and one label out, through Gradio's own client, loaded when needed.

import type { Answer } from "@ballsight/vision";
import type { Client } from "@gradio/client";
import { AnswerError } from "../answerError.ts";
import type { Patience } from "../siteConfig.ts";

/** The server did not answer: whoever can should answer in its stead. */
export class ServerAway extends Error {
  override readonly name = "ServerAway";
  /** Whether the photo may have left the device already. */
  readonly sent: boolean;

  constructor(message: string, sent: boolean) {
    super(message);
    this.sent = sent;
  }
}

/** A session with the server. One whose answer was not waited for takes no more photos, and is closed with its last. */
interface Connection {
  readonly client: Client;
  /** Ends what is still being sent. */
  readonly closing: AbortController;
  jobs: number;
  left: boolean;
}

/** How long a server is given to hear that an answer is not waited for any more, milliseconds. */
const GOODBYE_MS = 2000;

export class Server {
  /** Absolute, with a slash at the end. */
  readonly url: string;
  readonly #patience: Patience;
  #connection: Promise<Connection> | undefined;
  #largest = Number.POSITIVE_INFINITY;

  constructor(url: string, patience: Patience) {
    this.url = url.endsWith("/") ? url : `${url}/`;
    this.#patience = patience;
  }

  /** Bytes that a photo may have; known once it is connected, for servers that say it. */
  get largest(): number {
    return this.#largest;
  }

  /** @throws ServerAway */
  async connect(): Promise<void> {
    await this.#connected();
  }

  /**
   * @param signal its abort gives up on the server for this photo
   * @throws ServerAway; AnswerError where the server answered that it cannot
   */
  async answer(photo: Blob, name: string, signal: AbortSignal): Promise<readonly Answer[]> {
    const connection = await this.#connected();
    if (signal.aborted) throw new ServerAway("no answer in time", false);
    const file = new File([photo], name, { type: photo.type });
    connection.jobs++;
    // The last argument asks for events of status too, errors among them.
    const job = connection.client.submit("/predict", [file], undefined, null, true);
    const events = (async () => {
      for await (const event of job) {
        if (event.type === "data") return label(event.data);
        if (event.type === "status" && event.stage === "error") throw refusal(event);
      }
      throw new ServerAway("the server ended without an answer", true);
    })();
    try {
      const answer = await patiently(events, this.#patience.answer, signal);
      leave(connection);
      return answer;
    } catch (error) {
      if (error instanceof AnswerError) {
        leave(connection);
        throw error;
      }
      // The next photo starts with a new connection, as this one's stream may be dead.
      connection.left = true;
      this.#connection = undefined;
      // Whoever is not waited for need not go on.
      const goodbye = patiently(job.cancel(), GOODBYE_MS).catch(() => undefined);
      void goodbye.then(() => leave(connection));
      throw error instanceof ServerAway ? error : new ServerAway(message(error), true);
    }
  }

  #connected(): Promise<Connection> {
    this.#connection ??= this.#connect().catch((error: unknown) => {
      this.#connection = undefined;
      throw error;
    });
    return this.#connection;
  }

  async #connect(): Promise<Connection> {
    try {
      // Before the client is fetched, and because it waits for ever where nobody answers.
      const response = await fetch(`${this.url}config`, { signal: AbortSignal.timeout(this.#patience.connect) });
      const config: unknown = response.ok ? await response.json() : undefined;
      if (typeof config !== "object" || config === null || !("dependencies" in config))
        throw new Error(`no Gradio API there (HTTP ${response.status})`);
      const { max_file_size: largest } = config as { readonly max_file_size?: unknown };
      this.#largest = typeof largest === "number" && largest > 0 ? largest : Number.POSITIVE_INFINITY;
      const { Client } = await import("@gradio/client");
      const client = await patiently(Client.connect(this.url), this.#patience.connect);
      const closing = new AbortController();
      client.fetch = (input, init) => fetch(input, { ...init, signal: closing.signal });
      return { client, closing, jobs: 0, left: false };
    } catch (error) {
      const timeout = error instanceof DOMException && error.name === "TimeoutError";
      throw new ServerAway(timeout ? "no answer in time" : message(error), false);
    }
  }
}

/** A stream that nobody listens to would take one of the six connections that a browser has for a host, as long as the server holds it. */
function leave(connection: Connection): void {
  connection.jobs--;
  if (!connection.left || connection.jobs > 0) return;
  connection.client.close();
  connection.closing.abort();
}

/** Rejects with ServerAway when `wait` milliseconds are over, or when `signal` says so. */
function patiently<T>(promise: Promise<T>, wait: number, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new ServerAway("no answer in time", true));
    const timer = setTimeout(late, wait);
    signal?.addEventListener("abort", late, { once: true });
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", late);
    });
  });
}

/** What Gradio's label component holds (notes of its protocol: `{label, confidences: [{label, confidence}] | null}`). */
function label([value]: readonly unknown[]): readonly Answer[] {
  const { label: best, confidences } = (value ?? {}) as { label?: unknown; confidences?: unknown };
  if (Array.isArray(confidences)) {
    const answers = confidences.filter(isAnswer).map(({ label, confidence }) => ({ label, confidence }));
    if (answers.length > 0) return answers.sort((a, b) => b.confidence - a.confidence);
  }
  if (typeof best === "string") return [{ label: best, confidence: 1 }];
  throw new AnswerError("SERVER_ANSWER", "The server answered with something that is no label.");
}

function isAnswer(value: unknown): value is Answer {
  const { label, confidence } = (value ?? {}) as Partial<Answer>;
  return typeof label === "string" && typeof confidence === "number" && Number.isFinite(confidence);
}

/** Broken streams, full queues and limits ("try again in 5 s") are the server's trouble, everything else is about the photo. */
function refusal({ message: text, broken }: { readonly message?: unknown; readonly broken?: boolean }) {
  const words = typeof text === "string" && text !== "" ? text : "the server could not answer";
  const away = broken === true || /connection errored|could not connect|busy|try again/i.test(words);
  return away ? new ServerAway(words, true) : new AnswerError("SERVER_REFUSED", words);
}

const message = (error: unknown) => (error instanceof Error ? error.message : String(error));
