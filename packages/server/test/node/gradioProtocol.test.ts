// Gradio's protocol frame by frame, as Python's client and curl need it.

import type { RunningServer } from "@ballsight/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dataUrl, png, post, startToy } from "../helpers/toyServer.ts";

let server: RunningServer;
let red: string;

beforeAll(async () => {
  server = await startToy();
  red = dataUrl(await png("Red"));
});
afterAll(async () => {
  await server?.close();
});

const url = (path: string) => `${server.url}${path}`;
const PREFIXES = ["", "/gradio_api"];
let sessions = 0;
const newSession = () => `session${sessions++}`;

/** All of a stream that ends by itself. */
async function frames(path: string): Promise<string[]> {
  const response = await fetch(url(path));
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const text = await response.text();
  expect(text.endsWith("\n\n")).toBe(true);
  expect(text).not.toContain("\r");
  return text.slice(0, -2).split("\n\n");
}

interface Message {
  msg: string;
  event_id: string | null;
  success?: boolean;
  output?: { data?: { label: string }[]; error?: string };
}

const messages = async (path: string): Promise<Message[]> =>
  (await frames(path)).map((frame) => {
    // Python's reader dies of anything else, comments included.
    expect(frame).toMatch(/^data: \{.*\}$/);
    return JSON.parse(frame.slice("data: ".length)) as Message;
  });

async function upload(bytes: Uint8Array<ArrayBuffer>, name = "files"): Promise<string> {
  const form = new FormData();
  form.append(name, new Blob([bytes]), "cat.png");
  const response = await fetch(url("/gradio_api/upload?upload_id=x"), { method: "POST", body: form });
  expect(response.status).toBe(200);
  return ((await response.json()) as string[])[0] as string;
}

describe.each(PREFIXES)("under %j", (prefix) => {
  test("info has the two keys that clients of 2023 know", async () => {
    const info = (await (await fetch(url(`${prefix}/info?serialize=False`))).json()) as object;
    expect(Object.keys(info)).toEqual(["named_endpoints", "unnamed_endpoints"]);
  });

  test("the queue tells a session's events on one stream, that is opened afterwards", async () => {
    const session_hash = newSession();
    const join = async () =>
      (await post(url(`${prefix}/queue/join`), { data: [red], fn_index: 0, session_hash })).body.event_id;
    const ids = [await join(), await join()];
    expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
    const all = await messages(`${prefix}/queue/data?session_hash=${session_hash}`);
    for (const id of ids) {
      const own = all.filter((message) => message.event_id === id);
      expect(own.map(({ msg }) => msg)).toEqual(["estimation", "process_starts", "process_completed"]);
      expect(own[2]).toMatchObject({ success: true, output: { data: [{ label: "Red" }], is_generating: false } });
    }
    expect(all.at(-1)).toEqual({ msg: "close_stream", event_id: null });
    expect(all).toHaveLength(7);
  });

  test("a failure comes as a completed process without success", async () => {
    const session_hash = newSession();
    await post(url(`${prefix}/queue/join`), { data: [null], fn_index: 0, session_hash });
    const all = await messages(`${prefix}/queue/data?session_hash=${session_hash}`);
    const done = all.find(({ msg }) => msg === "process_completed");
    expect(done).toMatchObject({
      success: false,
      output: { error: expect.stringContaining("null"), visible: true, title: "Error" },
    });
  });

  test("run and api answer at once, with and without a trailing slash", async () => {
    for (const path of ["/run/predict", "/api/predict", "/run/predict/", "/api/predict/"]) {
      const { status, body } = await post(url(`${prefix}${path}?page=1`), { data: [red] });
      expect(status).toBe(200);
      expect(body).toMatchObject({
        data: [{ label: "Red" }],
        is_generating: false,
        render_config: null,
        changed_state_ids: [],
      });
    }
  });

  test("call and its second version, whose ids the first one knows", async () => {
    const path = await upload(await png("Green"));
    const file = { path, meta: { _type: "gradio.FileData" } };
    const one = (await post(url(`${prefix}/call/predict`), { data: [{ path }] })).body.event_id;
    const two = (await post(url(`${prefix}/call/v2/predict`), { image: file })).body.event_id;
    for (const at of [`call/predict/${one}`, `call/predict/${two}`, `call/v2/predict/${two}`, `call/predict/${one}`]) {
      const [frame, ...rest] = await frames(`${prefix}/${at}`);
      expect(rest).toEqual([]);
      const [event, data] = (frame as string).split("\n");
      expect(event).toBe("event: complete");
      expect(JSON.parse((data as string).slice("data: ".length))).toMatchObject([{ label: "Green" }]);
    }
  });

  test("heartbeat says ALIVE at once and goes on", async () => {
    const leave = new AbortController();
    const response = await fetch(url(`${prefix}/heartbeat/abc`), { signal: leave.signal });
    const { value, done } = await (response.body as ReadableStream<Uint8Array>).getReader().read();
    expect(new TextDecoder().decode(value)).toBe("data: ALIVE\n\n");
    expect(done).toBe(false);
    leave.abort();
  });

  test("cancel and reset succeed, whatever they are about", async () => {
    for (const path of ["cancel", "reset"]) {
      const { body } = await post(url(`${prefix}/${path}`), { event_id: "e", session_hash: "s", fn_index: 0 });
      expect(body).toEqual({ success: true });
    }
    expect(await (await fetch(url(`${prefix}/app_id`))).json()).toEqual({ app_id: expect.any(String) });
  });
});

test("an unknown session and an unknown call are answered with 200, as Gradio does", async () => {
  expect(await messages("/queue/data?session_hash=nobody")).toEqual([
    expect.objectContaining({ msg: "unexpected_error", event_id: null, session_not_found: true, success: false }),
  ]);
  expect(await frames("/call/predict/nobody")).toEqual(['event: error\ndata: "404: Not Found"']);
});

test("a call that fails says so on its stream", async () => {
  const { body } = await post(url("/call/predict"), { data: [{ path: "/etc/passwd" }] });
  const [frame] = await frames(`/call/predict/${body.event_id}`);
  expect(frame).toMatch(/^event: error\ndata: \{"error":"expected a path that this server's upload gave out/);
});

test.each([
  [{ path: "/etc/passwd", meta: { _type: "gradio.FileData" } }, 404, "upload the photo again"],
  [{ path: "upload/../../../etc/passwd" }, 404, "upload the photo again"],
  [{ path: "https://example.org/x.png", url: "https://example.org/x.png" }, 403, "not fetched"],
  [{ path: "file:///etc/passwd" }, 403, "not fetched"],
  [{ url: "http://127.0.0.1:1/" }, 403, "not fetched"],
  ["http://169.254.169.254/latest/meta-data", 403, "not fetched"],
  [{}, 400, "upload failed"],
  [{ type: "command", command: "upload_file" }, 400, "upload failed"],
  [null, 400, "upload failed"],
  [7, 400, "upload failed"],
  ["not base64!", 400, "base64"],
  ["", 400, "base64"],
  ["data:image/png,abc", 400, "base64"],
])("%j is refused", async (input, status, message) => {
  const answer = await post(url("/run/predict"), { data: [input] });
  expect(answer.status).toBe(status);
  // Clients of 2023 read `data` of an error too.
  expect(answer.body).toMatchObject({ error: expect.stringContaining(message), detail: expect.any(String), data: [] });
});

test.each([
  [{}, "data"],
  [{ data: "x" }, "data"],
  [{ data: [] }, "data"],
  [{ data: [1], fn_index: 3 }, "fn_index"],
  [[], "the body"],
])("the body %j is refused", async (body, name) => {
  const answer = await post(url("/run/predict"), body);
  expect(answer.status).toBe(400);
  expect(answer.body.error).toContain(`\`${name}\``);
});

describe("pages elsewhere (CORS)", () => {
  test.each(["/info", "/gradio_api/queue/join", "/run/predict", "/queue/data?session_hash=a", "/nowhere"])(
    "preflight of %s",
    async (path) => {
      const response = await fetch(url(path), {
        method: "OPTIONS",
        headers: {
          origin: "https://example.org",
          "access-control-request-method": "POST",
          "access-control-request-headers": "content-type,x-gradio-user",
        },
      });
      expect(response.status).toBe(204);
      expect(response.headers.get("access-control-allow-origin")).toBe("*");
      expect(response.headers.get("access-control-allow-headers")).toBe("content-type,x-gradio-user");
      expect(response.headers.get("access-control-allow-methods")).toContain("POST");
    },
  );

  test.each(["/config", "/info", "/nowhere", "/queue/data?session_hash=nobody", "/v1/models"])("%s", async (path) => {
    const response = await fetch(url(path), { headers: { origin: "https://example.org" } });
    await response.text();
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("a list of origins lets no other in", async () => {
    const strict = await startToy({ origins: ["https://example.org"] });
    try {
      const allowed = async (origin: string) =>
        (await fetch(`${strict.url}/config`, { headers: { origin } })).headers.get("access-control-allow-origin");
      expect(await allowed("https://example.org")).toBe("https://example.org");
      expect(await allowed("https://evil.example")).toBeNull();
      expect(await allowed("null")).toBeNull();
    } finally {
      await strict.close();
    }
  });
});

test("HEAD of the page and of a stream", async () => {
  for (const path of ["/", "/heartbeat/x", "/queue/data?session_hash=x", "/model.onnx"]) {
    const response = await fetch(url(path), { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("");
  }
});
