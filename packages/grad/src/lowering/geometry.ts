// Sizes and paddings of the convolutions that gradients are made of.

import type { ConvAttributes } from "../ops/conv.ts";
import type { Node } from "../ops/graph.ts";
import { fixedShape } from "../ops/shape.ts";

/**
 * Padding [top, left, bottom, right] of the stride-1 convolution over dy (zero-inserted for strides above 1: size s·Ho) that
 * yields dx. A negative number means that rows or columns of dy are cut off instead.
 */
export function inputGradPadding({
  inputs: [dy, weight, x],
  attributes,
}: Node<ConvAttributes>): [number, number, number, number] {
  const kernel = fixedShape(weight!, "conv2dInputGrad").slice(2);
  const side = (axis: 0 | 1): [number, number] => {
    const size = x!.shape[axis + 2] as number;
    const out = (dy!.shape[axis + 2] as number) * attributes.stride[axis];
    const reach = attributes.dilation[axis] * ((kernel[axis] as number) - 1);
    const before = reach - attributes.padding[axis];
    return [before, size - out - before + reach];
  };
  const [top, bottom] = side(0);
  const [left, right] = side(1);
  return [top, left, bottom, right];
}
