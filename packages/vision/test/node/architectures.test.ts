// The smaller architectures against torchvision's, on both targets; the larger ones are among the slow tests.

import { describe, expect, test } from "vitest";
import { ALWAYS, againstTorchvision, byFormula, data, far, ROOM, read, small, train } from "../helpers/torchvision.ts";

describe.each(small)("%s", againstTorchvision);

test("vgg16_bn trains the biases in front of norms with fixed statistics", async () => {
  const fixture = read("vgg16_bn");
  const state = byFormula(fixture);
  const { first } = await train("vgg16_bn", fixture, state, { kind: "plain" }, "running");
  expect(far(first.logits, fixture.evaluation)).toBeLessThan(ROOM * fixture.rounding.evaluation + ALWAYS);
  const gradient = (key: string) => data(first.state, `exp_avg.features.${key}`)!;
  const [gamma, variance] = ["weight", "running_var"].map((key) => data(state, `features.1.${key}`)!);
  // Both are sums of the same gradients, behind and in front of the norm's factor.
  const expected = [...gradient("1.bias")].map((value, k) => (value * gamma![k]!) / Math.sqrt(variance![k]! + 1e-5));
  expect(far(gradient("0.bias"), expected)).toBeLessThan(ALWAYS);
});
