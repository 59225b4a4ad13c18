// Open Inference Protocol v2 (KServe, Triton): health, metadata and inference, with its binary and classification extensions.

import { fail, OUTPUT_NAMES, type OutputName, type OutputTensor } from "@ballsight/vision";
import { z } from "@hono/zod-openapi";
import { decodeBase64, decodeDataUrl, isDataUrl } from "../dataUrl.ts";
import { describe, type JsonLimits, jsonLimit, parseJson, readBody } from "../http/body.ts";
import { type App, define } from "../http/route.ts";
import type { ServerContext } from "../http/services.ts";
import type { Picture, Work } from "../pool/messages.ts";
import type { PoolAnswer, ServedModel } from "../pool/pool.ts";
import { modelId } from "../rest/models.ts";
import {
  binaryInputs,
  bytesData,
  type InputTensor,
  MAX_ELEMENTS,
  packTexts,
  rawBytes,
  splitBody,
  uint8Data,
} from "./tensors.ts";

const TAG = "Open Inference Protocol v2";
const LENGTH_HEADER = "inference-header-content-length";
const EXTENSIONS = ["binary_tensor_data", "classification"];
/** 640 x 480 pixels in JSON, flat or nested: larger ones belong behind the JSON. */
const JSON_LIMITS: JsonLimits = { values: 1_000_000, nested: 320_000 };
/** Numbers in JSON that cost this server's one thread as much as a photo. */
const VALUES_PER_PHOTO = 100_000;

const Parameters = z.record(z.string(), z.unknown());
const Shape = z.array(z.int().min(0)).max(8);
const Tensor = z
  .looseObject({
    name: z.string(),
    shape: Shape,
    datatype: z.string(),
    parameters: Parameters.optional(),
    data: z.unknown().optional(),
  })
  .openapi("OipTensor");
const InferRequest = z
  .looseObject({
    id: z.string().max(256).optional(),
    parameters: Parameters.optional(),
    inputs: z
      .array(Tensor)
      .length(1)
      .openapi({ description: "`photo`: BYTES [N], files; or `image`: UINT8 [N, H, W, 3], RGB" }),
    outputs: z
      .array(z.looseObject({ name: z.string(), parameters: Parameters.optional() }))
      .max(OUTPUT_NAMES.length)
      .optional(),
  })
  .openapi("OipInferRequest");
const InferAnswer = z
  .object({ model_name: z.string(), model_version: z.string(), id: z.string().optional(), outputs: z.array(Tensor) })
  .openapi("OipInferAnswer");
const OipError = z.object({ error: z.string() }).openapi("OipError");

type Infer = z.infer<typeof InferRequest>;

const ok = (schema: z.ZodType, description: string) => ({
  200: { description, content: { "application/json": { schema } } },
  default: { description: "What is wrong", content: { "application/json": { schema: OipError } } },
});

export function oipRoutes(app: App): void {
  const about = (path: string, summary: string, schema: z.ZodType, handler: (c: ServerContext) => Response) =>
    define(app, { method: "get", path, tags: [TAG], summary, responses: ok(schema, summary) }, handler);

  about(
    "/v2",
    "About this server",
    z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) }),
    (c) => c.json({ name: "ballsight", version: c.var.services.version, extensions: EXTENSIONS }),
  );
  about("/v2/health/live", "Whether it runs", z.object({ live: z.boolean() }), (c) => c.json({ live: true }));
  about("/v2/health/ready", "Whether it takes work", z.object({ ready: z.boolean() }), (c) => {
    const { ready } = c.var.services.pool;
    return c.json({ ready }, ready ? 200 : 503);
  });
  for (const path of ["/v2/models/{model}", "/v2/models/{model}/versions/{version}"]) {
    about(path, "A model's inputs and outputs", z.looseObject({ name: z.string() }), (c) =>
      c.json(metadata(checkModel(c))),
    );
    about(`${path}/ready`, "Whether a model is loaded", z.object({ name: z.string(), ready: z.boolean() }), (c) => {
      const { ready } = c.var.services.pool;
      return c.json({ name: modelId(checkModel(c).name), ready }, ready ? 200 : 503);
    });
    define(
      app,
      {
        method: "post",
        path: `${path}/infer`,
        tags: [TAG],
        summary: "Inference",
        request: {
          body: {
            content: {
              "application/json": { schema: InferRequest },
              "application/octet-stream": { schema: z.string().openapi({ format: "binary" }) },
            },
          },
        },
        responses: ok(InferAnswer, "Tensors"),
      },
      infer,
      { work: "compute" },
    );
  }
}

const version = (model: ServedModel): string => model.sha256.slice(0, 12);

/** The model of the path. @throws MODEL_UNKNOWN */
function checkModel(c: ServerContext): ServedModel {
  const { model } = c.var.services.pool;
  const [name, wanted] = [c.req.param("model") ?? "", c.req.param("version")];
  const [id, current] = [modelId(model.name), version(model)];
  if (name !== id) fail("MODEL_UNKNOWN", { expected: id, received: name.slice(0, 80) });
  // "1" is what clients send who have never asked for the versions.
  if (wanted !== undefined && wanted !== current && wanted !== "1") {
    fail("MODEL_UNKNOWN", { expected: `${id} version ${current}`, received: wanted.slice(0, 80) });
  }
  return model;
}

function metadata(model: ServedModel) {
  const count = model.labels.length;
  const output = (name: OutputName, ...rest: number[]) => ({ name, datatype: "FP32", shape: [-1, ...rest] });
  return {
    name: modelId(model.name),
    versions: [version(model)],
    platform: "onnxruntime_onnx",
    inputs: [
      // A photo's file, or what the model file itself takes; a request names one of them.
      { name: "photo", datatype: "BYTES", shape: [-1] },
      { name: "image", datatype: "UINT8", shape: [-1, -1, -1, 3] },
    ],
    outputs: [
      output("probabilities", count),
      output("logits", count),
      output("embedding", -1),
      output("cam", -1, -1, -1),
    ],
  };
}

async function infer(c: ServerContext): Promise<Response> {
  checkModel(c);
  const { maxBytes, maxPixels, pool, rate, budget } = c.var.services;
  const jsonLength = c.req.header(LENGTH_HEADER);
  const jsonMost = jsonLimit(maxBytes);
  // Pixels come unpacked: a photo of the largest size has room, as far as one client has.
  const binaryMost = Math.max(Math.min(3 * maxPixels, budget.share - jsonLimit(0)), maxBytes) + jsonLimit(0);
  const body = await readBody(c, jsonLength === undefined ? jsonMost : binaryMost);
  const { json, binary } = splitBody(body, jsonLength, jsonMost);
  const onCounted = (values: number) => rate.countMore(c, Math.floor(values / VALUES_PER_PHOTO));
  const request = parseJson(json, InferRequest, "the body", { ...JSON_LIMITS, onCounted });
  const wanted = wantedOutputs(request);
  const pictures = picturesOf(request, binary, maxBytes, maxPixels);
  const count = pictures.reduce((sum, picture) => sum + ("bytes" in picture ? 1 : picture.dims[0]), 0);
  rate.countMore(c, count - 1);
  const work = pictures.map((picture): Work => ({ picture, name: "image", outputs: wanted.map(({ name }) => name) }));
  // All or none: one photo that is refused makes the others of its request useless.
  const stop = new AbortController();
  const signal = AbortSignal.any([c.req.raw.signal, stop.signal]);
  const answers = await Promise.all(work.map((one) => pool.submit(one, { signal }))).catch((error: unknown) => {
    stop.abort();
    throw error;
  });
  return respond(c, request, wanted, answers);
}

interface WantedOutput {
  readonly name: OutputName;
  readonly binary: boolean;
  /** So many classes as texts instead of the tensor. */
  readonly classes: number | undefined;
}

function wantedOutputs({ outputs, parameters }: Infer): WantedOutput[] {
  const binaryDefault = parameters?.binary_data_output === true;
  return (outputs ?? [{ name: "probabilities" }]).map(({ name, parameters: own }) => {
    const known = OUTPUT_NAMES.find((output) => output === name);
    if (known === undefined) {
      const expected = `one of ${OUTPUT_NAMES.join(", ")}`;
      return fail("REQUEST_INVALID", { name: "outputs", expected, received: describe(name) });
    }
    const classes = own?.classification;
    if (
      classes !== undefined &&
      (!Number.isSafeInteger(classes) || (classes as number) < 1 || known === "cam" || known === "embedding")
    ) {
      const expected = "a whole number from 1, for probabilities or logits";
      return fail("REQUEST_INVALID", {
        name: `${known}.parameters.classification`,
        expected,
        received: describe(classes),
      });
    }
    const binary = own?.binary_data === undefined ? binaryDefault : own.binary_data === true;
    return { name: known, binary, classes: classes as number | undefined };
  });
}

function picturesOf({ inputs }: Infer, binary: Uint8Array, maxBytes: number, maxPixels: number): Picture[] {
  const input = inputs[0] as InputTensor;
  const raw = binaryInputs([input], binary).get(input);
  const { name, shape, datatype } = input;
  if (name !== "photo" && name !== "image") {
    fail("REQUEST_INVALID", { name: "inputs.0.name", expected: "photo or image", received: describe(name) });
  }
  const wrongShape = (expected: string) =>
    fail("REQUEST_INVALID", { name: `${name}.shape`, expected, received: `[${shape.join(", ")}]` });
  if (datatype === "BYTES") {
    if (shape.length !== 1 || (shape[0] as number) < 1 || (shape[0] as number) > MAX_ELEMENTS) {
      return wrongShape(`[N] with N from 1 to ${MAX_ELEMENTS}`);
    }
    const decode = (text: string) =>
      isDataUrl(text) ? decodeDataUrl(text, name, maxBytes) : decodeBase64(text, name, maxBytes);
    return bytesData(input, raw, decode).map((bytes) => ({ bytes }));
  }
  if (datatype === "UINT8") {
    const [n, height, width, channels] = shape as [number, number, number, number];
    if (shape.length !== 4 || channels !== 3 || n < 1 || n > MAX_ELEMENTS || height < 1 || width < 1) {
      return wrongShape(`[N, H, W, 3] with N from 1 to ${MAX_ELEMENTS}`);
    }
    if (n * height * width > maxPixels) return wrongShape(`at most ${maxPixels} pixels in all`);
    return [{ pixels: uint8Data(input, raw), dims: [n, height, width, 3] }];
  }
  return fail("REQUEST_INVALID", {
    name: `${name}.datatype`,
    expected: "BYTES or UINT8",
    received: describe(datatype),
  });
}

function respond(
  c: ServerContext,
  request: Infer,
  wanted: readonly WantedOutput[],
  answers: readonly PoolAnswer[],
): Response {
  const { model } = answers[0] as PoolAnswer;
  const tails: Uint8Array[] = [];
  const outputs = wanted.map(({ name, binary, classes }) => {
    const tensor = join(answers.map((answer) => answer.outputs[name] as OutputTensor));
    if (classes !== undefined) {
      const texts = classTexts(tensor, model.labels, classes);
      const shape = [tensor.dims[0], Math.min(classes, model.labels.length)];
      return { name, datatype: "BYTES", shape, ...tail(packTexts(texts), texts, binary, tails) };
    }
    return { name, datatype: "FP32", shape: tensor.dims, ...tail(rawBytes(tensor.data), tensor.data, binary, tails) };
  });
  const body = {
    model_name: modelId(model.name),
    model_version: version(model),
    ...(request.id !== undefined && { id: request.id }),
    outputs,
  };
  if (tails.length === 0) return c.json(body);
  const json = new TextEncoder().encode(JSON.stringify(body));
  const headers = { "content-type": "application/octet-stream", [LENGTH_HEADER]: String(json.byteLength) };
  return c.body(new Uint8Array(Buffer.concat([json, ...tails])), 200, headers);
}

function tail(raw: Uint8Array, values: ArrayLike<number | string>, binary: boolean, tails: Uint8Array[]) {
  if (!binary) return { data: Array.from(values) };
  tails.push(raw);
  return { parameters: { binary_data_size: raw.byteLength } };
}

/** Photos one behind the other; maps of photos have one size, as the graph crops to it. */
function join(tensors: readonly OutputTensor[]): OutputTensor {
  const [first] = tensors as [OutputTensor];
  if (tensors.length === 1) return first;
  const data = new Float32Array(tensors.reduce((sum, tensor) => sum + tensor.data.length, 0));
  let at = 0;
  for (const tensor of tensors) {
    data.set(tensor.data, at);
    at += tensor.data.length;
  }
  return { dims: [tensors.length, ...first.dims.slice(1)], data };
}

/** `value:index:label`, best first, of each photo. */
function classTexts({ dims, data }: OutputTensor, labels: readonly string[], classes: number): string[] {
  const count = dims[1] as number;
  return Array.from({ length: dims[0] as number }, (_, row) =>
    Array.from(data.subarray(row * count, (row + 1) * count), (value, index) => ({ value, index }))
      .sort((a, b) => b.value - a.value)
      .slice(0, classes)
      .map(({ value, index }) => `${value}:${index}:${labels[index]}`),
  ).flat();
}
