// A process of its own that tries the GPU and says on stdout what it found, a line of JSON each: a driver that crashes, or never answers, takes
// only this process down.

import { OnnxGraph } from "@ballsight/grad";
import * as ort from "onnxruntime-node";

/** Side of the matrices; their product is 0.27 billion multiplications and additions. */
const SIDE = 512;

const tell = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** Milliseconds of a product of matrices of ones and its way back. @throws where the product is wrong */
async function product(session: ort.InferenceSession, side: number): Promise<number> {
  const ones = new ort.Tensor("float32", new Float32Array(side * side).fill(1), [side, side]);
  const started = performance.now();
  const y = (await session.run({ x: ones })).y!.data as Float32Array;
  if (y.some((value) => value !== side)) throw new Error("it multiplies wrongly");
  return performance.now() - started;
}

try {
  const g = new OnnxGraph("probe_webgpu");
  const x = g.input("x", "float32", ["N", "N"]);
  g.output(g.op("MatMul", [x, x]), "float32", ["N", "N"], "y");
  const options = { executionProviders: ["webgpu"], logSeverityLevel: 4 } as const;
  const session = await ort.InferenceSession.create(g.toModel(), options);
  await product(session, 8);
  tell({ works: true });
  // The first one compiles its shader.
  const times = [];
  for (let i = 0; i < 4; i++) times.push(await product(session, SIDE));
  tell({ milliseconds: Math.min(...times) });
} catch (error) {
  tell({ error: error instanceof Error ? error.message : String(error) });
}
// Drivers have been seen to hang when they are taken down in order.
process.exit();
