// Every architecture's state dict as torchvision saves it, in both of torch's forms: each value comes back, and the body finds all it needs.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Graph } from "@ballsight/grad";
import { expect, onTestFinished, test } from "vitest";
import { readWeights } from "../../src/io/weightsFile.ts";
import { ARCHITECTURES } from "../../src/models/architectures.ts";
import { FROZEN, ModelBuilder } from "../../src/models/builder.ts";

type Tensors = Readonly<Record<string, readonly [dims: number[], first: number, last: number, sum: number]>>;

const SCRIPT = fileURLToPath(new URL("../fixtures/torch_save.py", import.meta.url));
// Debian's own: another python3 in the path may lack torch.
const PYTHON = "/usr/bin/python3";
const torch = spawnSync(PYTHON, ["-c", "import torchvision"]).status === 0;

test.for(Object.values(ARCHITECTURES))("$name", { timeout: 300_000 }, ({ name, body, stride }, { skip }) => {
  if (!torch) skip("Debian's python3-torchvision is not installed");
  const folder = mkdtempSync(join(tmpdir(), "ballsight-torch-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const saved = JSON.parse(execFileSync(PYTHON, [SCRIPT, folder, name], { encoding: "utf8" }))[name] as Tensors;
  for (const form of ["zip", "legacy"]) {
    const path = join(folder, `${name}.${form}.pth`);
    const state = readWeights(readFileSync(path), path).tensors;
    const expected = Object.entries(saved).filter(([key]) => !key.endsWith("num_batches_tracked"));
    expect([...state.keys()]).toEqual(expected.map(([key]) => key));
    for (const [key, [dims, first, last, sum]] of expected) {
      const tensor = state.get(key)!;
      const values = tensor.data as Float32Array;
      expect([key, tensor.dtype, tensor.dims]).toEqual([key, "float32", dims]);
      expect([values[0], values.at(-1)]).toEqual([first, last]);
      let total = 0;
      for (const value of values) total += value;
      expect(Math.abs(total - sum)).toBeLessThanOrEqual(1e-9 * values.length);
    }
    const graph = new Graph();
    const builder = new ModelBuilder(graph, { state, ...FROZEN });
    body(builder, graph.input("x", "float32", [1, 3, 2 * stride, 2 * stride]), "symmetric");
    const left = [...state.keys()].filter((key) => !builder.used.has(key));
    // Only what comes behind the body may be left over: classifiers, and GoogLeNet's auxiliary heads.
    expect(left.filter((key) => !/^(classifier|fc|aux[12])\./.test(key))).toEqual([]);
  }
});
