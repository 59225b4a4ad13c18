// The server: the application on a port, its limits in time, reloading and stopping without a lost request.

import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, Server as NetServer, type Socket } from "node:net";
import { BallsightError, fail } from "@ballsight/vision";
import { getRequestListener } from "@hono/node-server";
import type { AddressRules } from "./addresses.ts";
import { createApp } from "./app.ts";
import { fault } from "./fault.ts";
import { CallStore } from "./gradio/calls.ts";
import { Sessions } from "./gradio/sessions.ts";
import { Uploads } from "./gradio/uploads.ts";
import { ByteBudget } from "./http/body.ts";
import { RateLimit } from "./http/rateLimit.ts";
import type { Services } from "./http/services.ts";
import { Streams } from "./http/sse.ts";
import { Metrics } from "./metrics.ts";
import { type ModelSource, Pool, type ServedModel } from "./pool/pool.ts";

export interface ServerOptions {
  readonly model: ModelSource;
  /** 7860 by default; 0 for any that is free. */
  readonly port?: number;
  /** Address to listen on; 127.0.0.1 by default, which only this machine reaches. */
  readonly host?: string;
  /** Folder of the built page. */
  readonly page?: string;
  /** Threads that decode and run the model; as many as cores by default. */
  readonly workers?: number;
  /** Photos that may wait; 64 by default. */
  readonly queue?: number;
  /** From a photo's arrival to its answer, milliseconds; 30,000 by default. */
  readonly deadlineMs?: number;
  /** Of one photo; 10 MB by default. */
  readonly maxBytes?: number;
  /** Of one photo; 50 million by default. */
  readonly maxPixels?: number;
  /** Of all bodies on their way in; 256 MB by default, of which one client may have a quarter. */
  readonly bodyBytes?: number;
  /** Photos per minute of one client on another machine; 600 by default, 0 for no limit. */
  readonly rate?: number;
  /** Proxies of one's own in front, whose X-Forwarded-For is believed; 0 by default. */
  readonly trustProxy?: number;
  /** Origins whose pages may call; all by default. */
  readonly origins?: readonly string[];
  /** Fetch photos behind URLs, of public addresses; not by default. */
  readonly urls?: AddressRules | false;
  /** Between becoming unready and refusing connections, milliseconds, for balancers to notice; 0 by default. */
  readonly drainMs?: number;
  readonly log?: (line: string) => void;
  /** A worker that is still busy so long after its photo's deadline is given up, milliseconds; 30,000 by default. */
  readonly hangMs?: number;
  /** Module of the worker threads; for tests. */
  readonly workerEntry?: URL;
}

export interface RunningServer {
  /** `http://127.0.0.1:7860` */
  readonly url: string;
  readonly model: ServedModel;
  /** Threads that were given up and do not end: with any left after `close`, neither does the process, not by `process.exit` either. */
  readonly stuckThreads: number;
  /** Loads the model file anew; without a lost request, and not at all where the file is none. */
  reload(): Promise<ServedModel>;
  /** Answers what was taken, refuses what comes. Resolves when all is over. */
  close(): Promise<void>;
}

const DEFAULT_PORT = 7860;
const MIB = 1024 * 1024;
const MAX_BYTES = 10_000_000;
const MAX_PIXELS = 50_000_000;
const RATE = 600;
const DECODE_SECONDS = 20;
const UPLOAD_BYTES = 256 * MIB;
const BODY_BYTES = 256 * MIB;
const SWEEP_MS = 60_000;
/** A whole request must be there by then: an upload from a slow phone is, a sender of one byte a second is not. */
const REQUEST_MS = 60_000;
const HEADERS_MS = 10_000;
/** Longer than proxies keep theirs (60 s mostly), so that it is never this side that closes a connection just as a request comes. */
const KEEP_ALIVE_MS = 75_000;
const MAX_CONNECTIONS = 2000;
/** Kubernetes gives 30 s from SIGTERM to SIGKILL. */
const GRACE_MS = 20_000;
/** Between the port's end and that of idle connections: whoever is busy asks once more by then, and is told to go. */
const LINGER_MS = 500;
const FLUSH_MS = 50;
const CUT_MS = 1000;

/** A turn of the event loop in which next to nothing ran, and how long it is waited for: under load there may be none. */
const QUIET_MS = 1;
const QUIET_WAIT_MS = 250;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** @throws PORT_NOT_FREE, MODEL_NOT_FOUND, MODEL_INVALID, MODEL_INCOMPATIBLE */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const log = options.log ?? ((line) => process.stderr.write(`ballsight: ${line}\n`));
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  const metrics = new Metrics();
  const streams = new Streams();
  const limits = { bytes: maxBytes, pixels: options.maxPixels ?? MAX_PIXELS, seconds: DECODE_SECONDS };
  let answer: (incoming: IncomingMessage, outgoing: ServerResponse) => unknown = notYet;
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing));
  // Before the model: a port that is taken is said at once.
  const url = await listen(server, options.host ?? "127.0.0.1", options.port ?? DEFAULT_PORT);
  const close = closer(server);
  let pool: Pool;
  try {
    pool = await Pool.start({
      model: options.model,
      limits,
      workers: options.workers,
      queue: options.queue,
      deadlineMs: options.deadlineMs,
      hangMs: options.hangMs,
      entry: options.workerEntry,
      events: {
        ...metrics.events,
        onFault: (reason) => log(`internal fault in a worker: ${reason}`),
        onWorkerLost: (reason) => {
          metrics.events.onWorkerLost?.(reason);
          log(`a worker ended (${reason}); another takes its place`);
        },
      },
    });
  } catch (error) {
    await close(0);
    throw error;
  }
  const { urls = false } = options;
  const services: Services = {
    pool,
    uploads: new Uploads(UPLOAD_BYTES),
    sessions: new Sessions(),
    calls: new CallStore(),
    metrics,
    rate: new RateLimit(options.rate ?? RATE),
    budget: new ByteBudget(options.bodyBytes ?? BODY_BYTES),
    remote: urls === false ? undefined : new (await import("./remote.ts")).Remote(maxBytes, urls),
    maxBytes,
    maxPixels: limits.pixels,
    trustProxy: options.trustProxy ?? 0,
    origins: options.origins === undefined || options.origins.includes("*") ? "*" : new Set(options.origins),
    version: packageVersion(),
    log,
  };
  metrics.watch(pool, {
    streams: () => streams.size,
    sessions: () => services.sessions.size,
    calls: () => services.calls.size,
    upload_bytes: () => services.uploads.bytes,
  });
  const app = await createApp(services, streams, options.page);
  answer = getRequestListener(app.fetch, {
    // Of the whole process: this server may be one part of a program.
    overrideGlobalObjects: false,
    // Balancers' probes in HTTP/1.0 name no host.
    hostname: "localhost",
    errorHandler: (error) => unreadable(error, log),
  });
  const sweep = setInterval(() => {
    services.uploads.sweep();
    services.calls.sweep();
  }, SWEEP_MS);
  sweep.unref();

  let closing: Promise<void> | undefined;
  const stop = async () => {
    clearInterval(sweep);
    // From now on each answer ends its connection, so that clients that keep theirs go elsewhere.
    pool.drain();
    await pause(options.drainMs ?? 0);
    await quietTurn();
    const closed = close(GRACE_MS + CUT_MS);
    await Promise.all([pool.close(GRACE_MS), pause(LINGER_MS)]);
    // Answers to the last photos are on their way: streams end after them, and what nobody reads is cut.
    await pause(FLUSH_MS);
    streams.endAll();
    // Again: the port is closed, what is left are connections without a request.
    server.close();
    setTimeout(() => server.closeAllConnections(), CUT_MS).unref();
    await closed;
    await services.remote?.close();
  };
  return {
    url,
    get model() {
      return pool.model;
    },
    get stuckThreads() {
      return pool.stuck;
    },
    reload: async () => {
      try {
        const model = await pool.reload();
        metrics.reload("done");
        return model;
      } catch (error) {
        metrics.reload("failed");
        throw error;
      }
    },
    close: () => {
      closing ??= stop();
      return closing;
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<string> {
  server.requestTimeout = REQUEST_MS;
  server.headersTimeout = HEADERS_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxConnections = MAX_CONNECTIONS;
  // A request line that is none: Node's own answer has no body.
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
    const status = error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? "408 Request Timeout" : "400 Bad Request";
    const body = JSON.stringify({ error: { code: "REQUEST_INVALID", message: "expected an HTTP request in time" } });
    socket.end(
      `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    );
  });
  return new Promise((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException) => {
      const reason = REASONS[cause.code ?? ""] ?? cause.code ?? cause.message;
      reject(new BallsightError("PORT_NOT_FREE", { name: `${host}:${port}`, reason }, { cause }));
    };
    server.once("error", onError);
    server.listen({ host, port, exclusive: true }, () => {
      server.off("error", onError);
      const { address, family, port: actual } = server.address() as AddressInfo;
      resolve(`http://${family === "IPv6" ? `[${address}]` : address}:${actual}`);
    });
  });
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program has it",
  EACCES: "this user may not have it",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "there is no such host",
};

/** While the model loads: alive, and not ready. */
function notYet({ url }: IncomingMessage, outgoing: ServerResponse): void {
  const alive = url === "/healthz";
  outgoing.writeHead(alive ? 200 : 503, { "content-type": "application/json", ...(!alive && { "retry-after": "1" }) });
  outgoing.end(JSON.stringify({ status: alive ? "ok" : "starting" }));
}

/**
 * Ends behind a poll phase, in which all that have connected are accepted. Whoever connects between that and the port's end is reset by TCP,
 * which has no other way to close a port: the less ran in between, the fewer.
 */
async function quietTurn(): Promise<void> {
  const deadline = performance.now() + QUIET_WAIT_MS;
  for (let began = 0; began < deadline; ) {
    began = performance.now();
    await new Promise((resolve) => setImmediate(resolve));
    if (performance.now() - began < QUIET_MS) return;
  }
}

/**
 * Refuses connections, waits for those that are there, and cuts what is left after `graceMs`. Not by the HTTP server's own `close`, which cuts
 * idle connections at once: the next request of one of them may be on its way.
 */
function closer(server: Server): (graceMs: number) => Promise<void> {
  return (graceMs) =>
    new Promise((resolve) => {
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      NetServer.prototype.close.call(server, () => {
        clearTimeout(timer);
        resolve();
      });
    });
}

/** A host header or a path that is none: nothing of ours has seen it yet. */
function unreadable(error: unknown, log: (line: string) => void): Response {
  const isRequest = error instanceof Error && error.name === "RequestError";
  try {
    if (isRequest) fail("REQUEST_INVALID", { name: "the request", expected: "a path and a host", received: "others" });
    throw fault(log, "the adapter", error);
  } catch (thrown) {
    const body = thrown as BallsightError;
    return Response.json({ error: body.toJSON() }, { status: body.status });
  }
}

function packageVersion(): string {
  return (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }).version;
}
