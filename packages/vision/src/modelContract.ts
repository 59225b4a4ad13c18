// The contract of a model file: which labels, inputs, outputs and preprocessing it must declare (design: one self-describing .onnx).

import { type OnnxSignature, readSignature, type ValueInfo } from "@ballsight/grad";
import { fail } from "./errors.ts";
import { type Preprocess, parsePreprocess } from "./preprocess/contract.ts";

const METADATA_PREFIX = "ballsight.";

/** The outputs of the contract and how many dimensions they have. */
const OUTPUTS = { probabilities: 2, logits: 2, embedding: 2, cam: 4 } as const;

export interface ModelContract {
  readonly labels: readonly string[];
  readonly preprocess: Preprocess;
  /** All of the metadata, as stored. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Reads the contract of a model file; `name` is what errors call it. Throws MODEL_INVALID or MODEL_INCOMPATIBLE. */
export function readContract(bytes: Uint8Array, name: string): ModelContract {
  let model: OnnxSignature;
  try {
    // A plain view: Node's Buffer is a Uint8Array whose slice() shares memory instead of copying, which the reader relies on.
    model = readSignature(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (cause) {
    fail("MODEL_INVALID", { name, received: "a file that is no ONNX model" }, { cause });
  }
  const entry = (key: string): string =>
    model.metadata[METADATA_PREFIX + key] ??
    fail("MODEL_INVALID", { name, received: `an ONNX model without \`${METADATA_PREFIX}${key}\` in its metadata` });
  const labels = parseLabels(entry("labels"), name);
  const preprocess = parsePreprocess(entry("preprocess"), name);
  checkValue(model.inputs, "input", "image", "uint8", 4, name);
  for (const [output, rank] of Object.entries(OUTPUTS)) {
    const { dims } = checkValue(model.outputs, "output", output, "float32", rank, name);
    // The other two hold features: their second dimension is the architecture's.
    const classes = output === "probabilities" || output === "logits" ? dims[1] : undefined;
    if (typeof classes === "number" && classes !== labels.length) {
      const expected = `${labels.length} classes in output \`${output}\`, one per label`;
      fail("MODEL_INCOMPATIBLE", { name, expected, received: classes });
    }
  }
  return { labels, preprocess, metadata: model.metadata };
}

function parseLabels(json: string, name: string): string[] {
  const wanted = { name, expected: "`labels` as a JSON array of different names" };
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    fail("MODEL_INCOMPATIBLE", { ...wanted, received: JSON.stringify(json) }, { cause });
  }
  const labels = Array.isArray(value) ? value.filter((label) => typeof label === "string" && label !== "") : [];
  if (!Array.isArray(value) || labels.length === 0 || new Set(labels).size !== value.length) {
    fail("MODEL_INCOMPATIBLE", { ...wanted, received: json });
  }
  return labels;
}

function checkValue(
  values: readonly ValueInfo[],
  kind: "input" | "output",
  value: string,
  dtype: string,
  rank: number,
  name: string,
): ValueInfo {
  const expected = `${kind} \`${value}\` of type ${dtype} and ${rank} dimensions`;
  const found = values.find((info) => info.name === value);
  if (found === undefined) {
    const names = values.map((info) => `\`${info.name}\``).join(", ");
    return fail("MODEL_INCOMPATIBLE", { name, expected, received: names === "" ? "none" : `only ${names}` });
  }
  if (found.dtype !== dtype || found.dims.length !== rank) {
    const received = `type ${found.dtype ?? "unknown"} and ${found.dims.length} dimensions`;
    fail("MODEL_INCOMPATIBLE", { name, expected, received });
  }
  return found;
}
