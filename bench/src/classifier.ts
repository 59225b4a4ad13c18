// torchvision's classifiers behind the bodies: the peer times whole networks, so these must be there, all but ConvNeXt's LayerNorm.

import {
  dropout,
  flatten,
  float32,
  gemm,
  globalAveragePool,
  hardSwish,
  linear,
  relu,
  reshape,
  type TensorData,
  type Value,
} from "@ballsight/grad";
import { type Architecture, type Generator, HEADS, type ModelBuilder } from "@ballsight/vision";

export interface Classifier {
  readonly build: (builder: ModelBuilder, map: Value, training: boolean) => Value;
  readonly initial: (random: Generator) => Map<string, TensorData>;
}

const VGG_POOL = 7;
const VGG_HIDDEN = 4096;

/** Bins of torch's adaptive average pooling from `size` to `bins` cells per side, as a matrix [size², bins²]. */
function adaptivePooling(size: number, bins: number): TensorData {
  const share = Array.from({ length: size }, (_, i) =>
    Array.from({ length: bins }, (_, bin) => {
      const [from, to] = [Math.floor((bin * size) / bins), Math.ceil(((bin + 1) * size) / bins)];
      return i >= from && i < to ? 1 / (to - from) : 0;
    }),
  );
  const matrix = share.flatMap((row) => share.map((column) => row.flatMap((a) => column.map((b) => a * b))));
  return float32(Float32Array.from(matrix.flat()), [size * size, bins * bins]);
}

/** Layers by name, from the features to the classes; `between` is what follows each but the last. */
function layers(
  sizes: readonly (readonly [name: string, from: number, to: number])[],
  features: (map: Value) => Value,
  between: { readonly activation: (x: Value) => Value; readonly p: number },
): Classifier {
  return {
    build: (builder, map, training) =>
      sizes.reduce((x, [name, from, to], index) => {
        const weight = builder.parameter(`head.${name}.weight`, [to, from], "weight");
        const y = linear(x, weight, builder.parameter(`head.${name}.bias`, [to], "bias"));
        if (index === sizes.length - 1) return y;
        const active = between.activation(y);
        return training ? dropout(active, between.p, `head.${name}.mask`) : active;
      }, features(map)),
    initial: (random) =>
      new Map(
        sizes.flatMap(([name, from, to]): [string, TensorData][] => {
          // Uniform numbers: a hundred million normal ones take as long as a step.
          const weight = Float32Array.from({ length: to * from }, () => random.uniform(-0.01, 0.01));
          return [
            [`head.${name}.weight`, float32(weight, [to, from])],
            [`head.${name}.bias`, float32(new Float32Array(to))],
          ];
        }),
      ),
  };
}

/** VGG's [N, C, size, size] on 7x7 cells, flat. */
function vggFeatures(map: Value): Value {
  const [n, c, size] = map.shape as [number, number, number];
  const planes = reshape(map, [n * c, size * size]);
  const cells = VGG_POOL * VGG_POOL;
  const pooled = size === VGG_POOL ? planes : gemm(planes, map.graph.constant(adaptivePooling(size, VGG_POOL)));
  return reshape(pooled, [n, c * cells]);
}

/** VGG's three layers over 7x7 cells, MobileNetV3's two, and one linear layer for the others. */
export function classifierOf({ name, features }: Architecture, classes: number): Classifier {
  if (name.startsWith("vgg")) {
    const sizes = [
      ["0", features * VGG_POOL * VGG_POOL, VGG_HIDDEN],
      ["3", VGG_HIDDEN, VGG_HIDDEN],
      ["6", VGG_HIDDEN, classes],
    ] as const;
    return layers(sizes, vggFeatures, { activation: relu, p: 0.5 });
  }
  if (name.startsWith("mobilenet_v3")) {
    const hidden = name.endsWith("small") ? 1024 : 1280;
    const sizes = [
      ["0", features, hidden],
      ["3", hidden, classes],
    ] as const;
    return layers(sizes, (map) => flatten(globalAveragePool(map)), { activation: hardSwish, p: 0.2 });
  }
  const { build, initial } = HEADS.linear;
  return {
    build: (builder, map, training) => build(builder, map, classes, training).logits,
    initial: (random) => initial(features, classes, random),
  };
}
