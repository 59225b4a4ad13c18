// Finds out what this machine's ONNX Runtime can do: whether the blocked kernels are there, take weights that change, and with which block size.

import { NCHWC_DOMAIN, OnnxGraph } from "../onnx/graph.ts";
import type { OrtRuntime } from "../runtime.ts";
import type { Target } from "./context.ts";
import { loadFilter, storeFilter } from "./layout.ts";

const PLAIN: Target = { kind: "plain" };

/**
 * The best target that works: `blocked` where a reordered ramp shows the block size and a convolution with fed, reordered weights equals the
 * plain one; `plain` otherwise. The blocked domain is internal to ONNX Runtime, so nothing about it is taken for granted.
 */
export async function probeTarget(runtime: OrtRuntime): Promise<Target> {
  try {
    const block = await probeBlock(runtime);
    return block !== undefined && (await convolves(runtime, block)) ? { kind: "blocked", block } : PLAIN;
  } catch {
    return PLAIN;
  }
}

/** [1, 32, 1, 2] filled with 0, 1, 2, ...: the second pixel of channel 0 (value 1) lies behind a whole block of channels. */
async function probeBlock(runtime: OrtRuntime): Promise<number | undefined> {
  const dims = [1, 32, 1, 2];
  const g = new OnnxGraph("probe_block");
  g.output(g.op("ReorderInput", [g.input("x", "float32", dims)], {}, { domain: NCHWC_DOMAIN }), "float32", dims, "y");
  const y = await run(runtime, g, { x: { data: Float32Array.from({ length: 64 }, (_, i) => i), dims } });
  const block = y.indexOf(1);
  return block === 4 || block === 8 || block === 16 ? block : undefined;
}

async function convolves(runtime: OrtRuntime, block: number): Promise<boolean> {
  const shape = [32, 32, 3, 3];
  const dims = [1, 32, 5, 5];
  const x = Float32Array.from({ length: 800 }, (_, i) => Math.sin(i));
  const weight = Float32Array.from({ length: 9216 }, (_, i) => Math.cos(i));
  const layout = { kind: "dense", block } as const;
  const stored = storeFilter(weight, shape, layout);
  if (loadFilter(stored, shape, layout).some((value, index) => value !== weight[index])) return false;

  const attributes = { pads: [1, 1, 1, 1], kernel_shape: [3, 3] };
  const options = { domain: NCHWC_DOMAIN };
  const blocked = new OnnxGraph("probe_blocked");
  const image = blocked.op("ReorderInput", [blocked.input("x", "float32", dims)], {}, options);
  const conv = blocked.op("Conv", [image, blocked.input("w", "float32", shape)], attributes, options);
  blocked.output(blocked.op("ReorderOutput", [conv], { channels: 32 }, options), "float32", dims, "y");
  const plain = new OnnxGraph("probe_plain");
  plain.output(
    plain.op("Conv", [plain.input("x", "float32", dims), plain.input("w", "float32", shape)], attributes),
    "float32",
    dims,
    "y",
  );

  const got = await run(runtime, blocked, { x: { data: x, dims }, w: { data: stored, dims: shape } });
  const expected = await run(runtime, plain, { x: { data: x, dims }, w: { data: weight, dims: shape } });
  return (
    got.length === expected.length && got.every((value, index) => Math.abs(value - (expected[index] as number)) < 1e-3)
  );
}

async function run(
  runtime: OrtRuntime,
  g: OnnxGraph,
  feeds: Record<string, { data: Float32Array; dims: number[] }>,
): Promise<Float32Array> {
  const session = await runtime.InferenceSession.create(g.toModel());
  try {
    const tensors = Object.entries(feeds).map(([name, { data, dims }]) => [
      name,
      new runtime.Tensor("float32", data, dims),
    ]);
    return (await session.run(Object.fromEntries(tensors))).y!.data as Float32Array;
  } finally {
    await session.release();
  }
}
