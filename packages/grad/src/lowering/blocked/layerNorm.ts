// LayerNorm over the channels of blocked maps: one reorder to rows of channels, the plain kernels, one reorder back.

import { NCHWC_DOMAIN } from "../../onnx/graph.ts";
import type { Value } from "../../ops/graph.ts";
import { layerNormGradOp, layerNormOp } from "../../ops/layerNorm.ts";
import { type Lowering, rule } from "../context.ts";
import { normalizeRows, rowsGradient, shaped } from "../plain/layerNorm.ts";

const BLOCKED = { domain: NCHWC_DOMAIN };

const fromRows = (context: Lowering, rows: string) =>
  context.g.op("ReorderInput", [rows], { channels_last: 1 }, BLOCKED);

export const layerNormRules = [
  rule(layerNormOp, ({ inputs: [x, gamma, beta], outputs, attributes: { eps, axis } }, context) => {
    if (axis !== 1 || !context.isBlocked(x!) || !context.fillsBlocks(x!)) return false;
    const { g } = context;
    const [y, mean, scale] = normalizeRows(
      g,
      context.channelsLast(x!),
      context.plain(gamma!),
      context.plain(beta!),
      eps,
    );
    context.setBlocked(outputs[0]!, fromRows(context, y));
    context.setPlain(outputs[1]!, shaped(context, mean, outputs[1]!.shape));
    context.setPlain(outputs[2]!, shaped(context, scale, outputs[2]!.shape));
    return true;
  }),
  rule(
    layerNormGradOp,
    ({ inputs: [x, dy, gamma, mean, scale], outputs: [dx, dgamma, dbeta], attributes: { axis } }, context) => {
      if (axis !== 1 || !context.isBlocked(x!) || !context.fillsBlocks(x!)) return false;
      const [n, , h, w] = x!.shape;
      const perRow = (value: Value) => shaped(context, context.plain(value), [n!, h!, w!, 1]);
      const gradient = rowsGradient(context.g, {
        x: context.channelsLast(x!),
        dy: context.channelsLast(dy!),
        gamma: context.plain(gamma!),
        mean: perRow(mean!),
        scale: perRow(scale!),
        rank: 4,
      });
      context.setBlocked(dx!, fromRows(context, gradient.dx));
      context.setPlain(dgamma!, gradient.dgamma);
      context.setPlain(dbeta!, gradient.dbeta);
      return true;
    },
  ),
];
