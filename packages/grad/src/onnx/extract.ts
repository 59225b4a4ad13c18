// A part of an ONNX model as a model of its own (as onnx.utils.extract_model), for instance the head behind a feature map.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { GradError } from "../errors.ts";
import { GraphProtoSchema, ModelProtoSchema, type NodeProto } from "./onnx_pb.ts";

/**
 * The nodes between two outputs of a model: `from` becomes the input, `to` is the output.
 * @throws GradError where one of them is missing, or where `to` depends on the model's input by another way than `from`
 */
export function extractModel(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes);
  const { graph } = model;
  const [input, output] = [from, to].map((name) => graph?.output.find((value) => value.name === name));
  if (graph === undefined || input === undefined || output === undefined)
    throw new GradError("BAD_ATTRIBUTE", `extractModel: expected outputs \`${from}\` and \`${to}\``);

  const makers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const copied = copiedBy(makers.get(from));
  const renamed = (name: string) => (name === copied ? from : name);
  const stored = new Set(graph.initializer.map(({ name }) => name));
  const read = new Set<string>();
  const nodes = new Set<NodeProto>();
  const pending = [to];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (renamed(name) === from || name === "" || read.has(name)) continue;
    read.add(name);
    const node = makers.get(name);
    if (node !== undefined) {
      nodes.add(node);
      pending.push(...node.input);
    } else if (!stored.has(name)) {
      throw new GradError("BAD_ATTRIBUTE", `extractModel: \`${to}\` needs \`${name}\` besides \`${from}\``);
    }
  }

  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: model.irVersion,
      producerName: model.producerName,
      opsetImport: model.opsetImport,
      graph: create(GraphProtoSchema, {
        name: graph.name,
        node: graph.node.filter((node) => nodes.has(node)).map((node) => ({ ...node, input: node.input.map(renamed) })),
        initializer: graph.initializer.filter(({ name }) => read.has(name)),
        input: [input],
        output: [output],
      }),
    }),
  );
}

/** An output may be a copy of what the nodes behind it read. */
function copiedBy(node: NodeProto | undefined): string | undefined {
  return node?.opType === "Identity" ? node.input[0] : undefined;
}
