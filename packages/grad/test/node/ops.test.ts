// Every op, forward and backward, on both targets, against torch and against finite differences.

import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import type { Target } from "../../src/lowering/context.ts";
import { probeTarget } from "../../src/lowering/probe.ts";
import { BUILDERS, CHAINS } from "../helpers/builders.ts";
import { bindingsOf, finiteDifferences, gradcheck, type OpCase } from "../helpers/gradcheck.ts";
import type { Recipe } from "../helpers/recipes.ts";

const fixture: { loss_weights: Recipe; cases: OpCase[] } = JSON.parse(
  readFileSync(new URL("../fixtures/ops.json", import.meta.url), "utf8"),
);
const probed = await probeTarget(ort);
const blocked = probed.kind === "blocked" ? probed : undefined;

const each = fixture.cases.map((opCase): [string, OpCase] => [`${opCase.op}: ${opCase.case}`, opCase]);

test("every op and every chain has a case", () => {
  const covered = new Set(fixture.cases.map((c) => (c.op === "chain" ? c.case : c.op)));
  expect([...Object.keys(BUILDERS), ...Object.keys(CHAINS)].filter((name) => !covered.has(name))).toEqual([]);
});

async function matchesTorch(opCase: OpCase, target: Target): Promise<void> {
  expect(await gradcheck(opCase, target, fixture.loss_weights, bindingsOf(opCase, target))).toEqual([]);
}

describe("plain", () => {
  test.each(each)("%s", async (_, opCase) => matchesTorch(opCase, { kind: "plain" }));
});

const reason = blocked === undefined ? " (skipped: this machine's ONNX Runtime has no blocked kernels)" : "";
describe.skipIf(blocked === undefined)(`blocked${reason}`, () => {
  test.each(each)("%s", async (_, opCase) => matchesTorch(opCase, blocked!));
});

describe("finite differences", () => {
  const smooth = each.filter(([, opCase]) => opCase.smooth !== false);
  test.each(smooth)("%s", async (_, opCase) => {
    expect(await finiteDifferences(opCase, fixture.loss_weights)).toEqual([]);
  });
});
