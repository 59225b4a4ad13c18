// A stand-in for a Gradio app with one image in and one label out, in the exact shapes of Gradio 6.25's wire protocol (SSE, sse_v3).

import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const CONFIG = {
  version: "6.25.0",
  api_prefix: "/gradio_api",
  protocol: "sse_v3",
  enable_queue: true,
  components: [
    { id: 1, type: "image" },
    { id: 2, type: "label" },
  ],
  dependencies: [{ api_name: "predict", inputs: [1], outputs: [2] }],
};
const INFO = {
  named_endpoints: {
    "/predict": {
      parameters: [
        {
          label: "image",
          parameter_name: "image",
          parameter_has_default: false,
          parameter_default: null,
          type: { type: "object", title: "ImageData" },
          python_type: { type: "filepath", description: "" },
          component: "Image",
          example_input: null,
        },
      ],
      returns: [
        {
          label: "output",
          type: { type: "object", title: "LabelData" },
          python_type: { type: "dict", description: "" },
          component: "Label",
        },
      ],
      api_visibility: "public",
      description: "",
    },
  },
  unnamed_endpoints: {},
};

export const SERVER_ANSWER = {
  label: "Golf",
  confidences: [
    { label: "Golf", confidence: 0.91 },
    { label: "Tennis", confidence: 0.06 },
    { label: "Rugby", confidence: 0.03 },
  ],
};

export interface GradioApp {
  readonly url: string;
  readonly origin: string;
  /** What came over `upload`, bodies as they are (multipart). */
  readonly uploads: Buffer[];
  readonly corrections: string[];
  /** `answer`: at once; `wait`: never; `refuse`: an error; `busy`: a full queue; `limit`: too many photos a minute; `away`: connections are cut. */
  behaviour: "answer" | "wait" | "refuse" | "busy" | "limit" | "away";
  /** Bytes that a photo may have, as the configuration says; null: it says nothing. */
  largest: number | null;
  /** How long a correction takes, milliseconds. */
  slowness: number;
  /** Streams of events that are open. */
  readonly streams: () => number;
  close(): Promise<void>;
}

export async function gradioApp(): Promise<GradioApp> {
  const streams = new Map<string, ServerResponse>();
  const pending = new Map<string, object[]>();
  /** Events of a session that are not answered; its stream is closed when there are none. */
  const open = new Map<string, Set<string>>();
  const state = {
    behaviour: "answer" as GradioApp["behaviour"],
    largest: null as number | null,
    slowness: 0,
    uploads: [] as Buffer[],
    corrections: [] as string[],
    streams: () => streams.size,
  };
  let serial = 0;

  const send = (session: string, message: object) => {
    const stream = streams.get(session);
    if (stream === undefined) pending.set(session, [...(pending.get(session) ?? []), message]);
    else stream.write(`data: ${JSON.stringify(message)}\n\n`);
  };
  const work = (session: string, event_id: string) => {
    if (state.behaviour === "wait") return;
    const failed = {
      error: "expected a photo but received text; send a JPEG",
      duration: 10,
      visible: true,
      title: "Error",
    };
    const success = state.behaviour !== "refuse";
    const output = success ? { data: [SERVER_ANSWER], is_generating: false, duration: 0.01 } : failed;
    send(session, { msg: "process_completed", event_id, output, success, title: null });
    open.get(session)?.delete(event_id);
    endIfDone(session);
  };
  /** Closes the stream, where there is one, when all is said; what comes later waits for the next. */
  const endIfDone = (session: string) => {
    if (open.get(session)?.size !== 0 || !streams.has(session)) return;
    send(session, { msg: "close_stream", event_id: null });
    streams.get(session)?.end();
    streams.delete(session);
  };

  const server = createServer(async (request, response) => {
    if (state.behaviour === "away") return void request.socket.destroy();
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const url = new URL(request.url ?? "/", "http://localhost");
    const path = url.pathname.replace("/gradio_api", "");
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-allow-headers", "*");
    const json = (value: unknown, status = 200) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (request.method === "OPTIONS") return void response.writeHead(204).end();
    if (path === "/config") return void json({ ...CONFIG, max_file_size: state.largest });
    if (path === "/info") return void json(INFO);
    if (path === "/upload") {
      state.uploads.push(body);
      return void json([`opaque/${serial++}/photo`]);
    }
    if (path === "/corrections") {
      state.corrections.push(body.toString());
      return void setTimeout(() => json({}, 201), state.slowness);
    }
    if (path === "/queue/join") {
      if (state.behaviour === "busy") return void json({ detail: "queue full" }, 503);
      if (state.behaviour === "limit") {
        const detail = "expected at most 600 photos a minute from one client but received more; try again in 5 s";
        return void json({ error: detail, detail, data: [] }, 429);
      }
      const { session_hash } = JSON.parse(body.toString()) as { session_hash: string };
      const event_id = String(serial++).padStart(32, "0");
      open.set(session_hash, (open.get(session_hash) ?? new Set()).add(event_id));
      json({ event_id });
      return void setTimeout(() => work(session_hash, event_id), 5);
    }
    if (path === "/queue/data") {
      const session = url.searchParams.get("session_hash") ?? "";
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" }).flushHeaders();
      streams.set(session, response);
      response.on("close", () => streams.get(session) === response && streams.delete(session));
      const messages = pending.get(session) ?? [];
      pending.delete(session);
      for (const message of messages) send(session, message);
      return endIfDone(session);
    }
    json({ success: true });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(state, {
    url: `${origin}/`,
    origin,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}
