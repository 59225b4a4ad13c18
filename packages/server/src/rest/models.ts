// GET /v1/models: what is served, and the file itself for those who run it themselves.

import { z } from "@hono/zod-openapi";
import { bytesBody } from "../http/bytes.ts";
import { type App, define } from "../http/route.ts";
import type { ServerContext } from "../http/services.ts";
import type { ServedModel } from "../pool/pool.ts";

export const ErrorAnswer = z
  .object({ error: z.object({ code: z.string(), message: z.string() }) })
  .openapi("Error", { description: "Codes are listed in docs/errors.md" });

export const ModelFacts = z
  .object({
    id: z.string(),
    architecture: z.string().optional(),
    sha256: z.string().openapi({ description: "Of the model file" }),
  })
  .openapi("ModelFacts");

const ModelEntry = ModelFacts.extend({
  labels: z.array(z.string()),
  file: z.string().openapi({ description: "Where the model file is" }),
  bytes: z.int(),
  metadata: z.record(z.string(), z.unknown()),
}).openapi("Model");

const MODEL_FILE = "/model.onnx";

/** The file's name without folder and ending: what a model is called in every protocol. */
export const modelId = (name: string): string =>
  (name.split(/[\\/]/).at(-1) ?? name).replace(/\.onnx$/i, "") || "model";

export function modelFacts(model: ServedModel) {
  const architecture = plain(model.metadata["ballsight.architecture"]);
  return {
    id: modelId(model.name),
    ...(typeof architecture === "string" && { architecture }),
    sha256: model.sha256,
  };
}

/** Metadata are JSON texts. */
function plain(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return text;
  }
}

export function modelRoutes(app: App): void {
  define(
    app,
    {
      method: "get",
      path: "/v1/models",
      tags: ["REST"],
      summary: "The models that are served",
      responses: {
        200: {
          description: "One model",
          content: { "application/json": { schema: z.object({ models: z.array(ModelEntry) }) } },
        },
      },
    },
    (c) => c.json({ models: [entry(c.var.services.pool.model)] }),
  );
  define(
    app,
    {
      method: "get",
      path: MODEL_FILE,
      tags: ["REST"],
      summary: "The model file, for predictions in the browser",
      responses: { 200: { description: "ONNX" }, 304: { description: "It has not changed" } },
    },
    modelFile,
  );
}

function entry(model: ServedModel) {
  const metadata = Object.fromEntries(
    Object.entries(model.metadata)
      .filter(([key]) => key.startsWith("ballsight."))
      .map(([key, text]) => [key.slice("ballsight.".length), plain(text)]),
  );
  return { ...modelFacts(model), labels: [...model.labels], file: MODEL_FILE, bytes: model.bytes.byteLength, metadata };
}

function modelFile(c: ServerContext): Response {
  const { bytes, sha256 } = c.var.services.pool.model;
  const etag = `"${sha256}"`;
  const headers = { etag, "cache-control": "no-cache", "content-type": "application/octet-stream" };
  const known = (c.req.header("if-none-match") ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  if (known.includes(etag) || known.includes("*")) return c.body(null, 304, headers);
  return c.body(bytesBody(bytes), 200, { ...headers, "content-length": String(bytes.byteLength) });
}
