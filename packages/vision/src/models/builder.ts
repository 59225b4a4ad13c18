// Builds networks layer by layer by torch's parameter names, and decides for each parameter whether it trains, stands still or is folded away.

import {
  type BatchNormParameters,
  batchNorm,
  batchNorm1d,
  batchNormEval,
  type ConvOptions,
  conv2d,
  convBatchNormFolded,
  float32,
  type Graph,
  hardSigmoid,
  hardSwish,
  layerNorm2d,
  linear,
  relu,
  relu6,
  reshape,
  type State,
  sigmoid,
  silu,
  stochasticDepth,
  sub,
  type TensorData,
  type Value,
} from "@ballsight/grad";
import { fail } from "../errors.ts";

export type ParameterKind = "weight" | "bias" | "norm";

/** What happens to a parameter: the number of its group, or undefined where it does not train. */
export type TrainPolicy = (name: string, kind: ParameterKind) => number | undefined;

/** How BatchNorm takes its statistics: `batch` from each batch (and moves the running ones), `running` from the stored ones. */
export type NormStatistics = "batch" | "running";

export interface BuilderOptions {
  readonly state: State;
  readonly policy: TrainPolicy;
  readonly statistics: (prefix: string) => NormStatistics;
  /** Whether pictures skip a residual branch at random (stochastic depth), by the block's name: in training, where it trains. */
  readonly drops?: (prefix: string) => boolean;
  /** What to call the weights in errors. */
  readonly weightsName?: string;
}

export interface NormSettings {
  readonly eps?: number;
  readonly momentum?: number;
  /** The convolution in front has a bias of its own, as VGG's have. */
  readonly convBias?: boolean;
}

const ACTIVATIONS = { none: (x: Value) => x, relu, relu6, hardSwish, hardSigmoid, sigmoid, silu } as const;
export type Activation = keyof typeof ACTIVATIONS;

/** Everything of a policy that trains nothing: evaluation and export. */
export const FROZEN: Pick<BuilderOptions, "policy" | "statistics"> = {
  policy: () => undefined,
  statistics: () => "running",
};

/** Where not even the first name is there, what names there are tells more. */
function called(state: State): string {
  const names = [...state.keys()].slice(0, 3).map((name) => `\`${name}\``);
  return names.length > 0 ? ` (the first tensors are ${names.join(", ")})` : "";
}

export class ModelBuilder {
  readonly graph: Graph;
  /** Names of the tensors that were asked for, and found, so far. */
  readonly used = new Set<string>();
  readonly #options: BuilderOptions;

  constructor(graph: Graph, options: BuilderOptions) {
    this.graph = graph;
    this.#options = options;
  }

  /**
   * The float32 tensor that the state holds under a name.
   * @throws WEIGHTS_SHAPE where it is missing or of another shape, WEIGHTS_INVALID where it is of another type
   */
  tensor(name: string, shape: readonly number[]): TensorData {
    const { state, weightsName = "weights" } = this.#options;
    const tensor = state.get(name);
    if (tensor === undefined || tensor.dims.join() !== shape.join()) {
      const received = tensor === undefined ? `none${this.used.size === 0 ? called(state) : ""}` : `[${tensor.dims}]`;
      return fail("WEIGHTS_SHAPE", { name: weightsName, parameter: name, expected: `[${shape}]`, received });
    }
    if (tensor.dtype !== "float32")
      return fail("WEIGHTS_INVALID", { name: weightsName, received: `${tensor.dtype} values in \`${name}\`` });
    this.used.add(name);
    return tensor;
  }

  /** A parameter where the policy trains it, else a constant. */
  parameter(name: string, shape: readonly number[], kind: ParameterKind): Value {
    const tensor = this.tensor(name, shape);
    const group = this.#options.policy(name, kind);
    if (group === undefined) return this.graph.constant(tensor);
    // fastai's wd_bn_bias=False: biases and norms do not decay.
    return this.graph.parameter(name, shape, { group, decay: kind === "weight" });
  }

  /** Convolution with bias, `prefix.weight` and `prefix.bias`, and activation. */
  conv(
    x: Value,
    prefix: string,
    shape: readonly [number, number, number, number],
    options: ConvOptions = {},
    activation: Activation = "none",
  ): Value {
    const weight = this.parameter(`${prefix}.weight`, shape, "weight");
    return ACTIVATIONS[activation](conv2d(x, weight, this.parameter(`${prefix}.bias`, [shape[0]], "bias"), options));
  }

  /** Linear layer over x [N, inputs] with `prefix.weight` [outputs, inputs] and `prefix.bias`. */
  linear(x: Value, prefix: string, outputs: number): Value {
    const weight = this.parameter(`${prefix}.weight`, [outputs, x.shape[1] as number], "weight");
    return linear(x, weight, this.parameter(`${prefix}.bias`, [outputs], "bias"));
  }

  /** Convolution, without bias unless `norm` says so, BatchNorm, activation. `prefix.conv` and `prefix.norm` are the layers' names. */
  convNorm(
    x: Value,
    names: { readonly conv: string; readonly norm: string },
    shape: readonly [number, number, number, number],
    conv: ConvOptions,
    activation: Activation,
    norm: NormSettings = {},
  ): Value {
    const activate = ACTIVATIONS[activation];
    const weightName = `${names.conv}.weight`;
    const frozen =
      this.#options.policy(weightName, "weight") === undefined &&
      this.#options.policy(`${names.norm}.weight`, "norm") === undefined;
    const running = this.#options.statistics(names.norm) === "running";
    if (running && frozen) {
      const { weight, bias } = this.#folded(weightName, names.norm, shape, norm);
      return activate(conv2d(x, this.graph.constant(weight), this.graph.constant(bias), conv));
    }
    const weight = this.parameter(weightName, shape, "weight");
    const bias = norm.convBias ? this.#normedBias(`${names.conv}.bias`, shape[0], running) : undefined;
    const parameters = this.norm(names.norm, shape[0]);
    if (!running) return activate(batchNorm(conv2d(x, weight, bias, conv), parameters, norm));
    const runningMean = bias ? sub(parameters.runningMean, bias) : parameters.runningMean;
    return activate(convBatchNormFolded(x, weight, { ...parameters, runningMean }, conv, norm));
  }

  /** A bias in front of a norm. The batch's mean takes out any shift, so there it has no gradient and moves nothing but the running mean. */
  #normedBias(name: string, channels: number, running: boolean): Value {
    return running ? this.parameter(name, [channels], "bias") : this.graph.constant(this.tensor(name, [channels]));
  }

  /** LayerNorm of each pixel's channels, `prefix.weight` and `prefix.bias`. */
  layerNorm2d(x: Value, prefix: string, eps: number): Value {
    const channels = [x.shape[1] as number];
    const gamma = this.parameter(`${prefix}.weight`, channels, "norm");
    return layerNorm2d(x, { gamma, beta: this.parameter(`${prefix}.bias`, channels, "norm") }, { eps });
  }

  /** A residual branch that each picture skips with probability p, where blocks are dropped at all. */
  stochasticDepth(branch: Value, p: number, prefix: string): Value {
    return this.#options.drops?.(prefix) ? stochasticDepth(branch, p, `${prefix}.mask`) : branch;
  }

  /** BatchNorm over features [N, C]. */
  norm1d(x: Value, prefix: string, settings: NormSettings = {}): Value {
    const parameters = this.norm(prefix, x.shape[1] as number);
    if (this.#options.statistics(prefix) === "batch") return batchNorm1d(x, parameters, settings);
    const [n, c] = x.shape;
    return reshape(batchNormEval(reshape(x, [n!, c!, 1, 1]), parameters, settings), [n!, c!]);
  }

  norm(prefix: string, channels: number): BatchNormParameters {
    const shape = [channels];
    const running = this.#options.statistics(prefix) === "running";
    const buffer = (name: string) => {
      const tensor = this.tensor(name, shape);
      return running ? this.graph.constant(tensor) : this.graph.buffer(name, shape);
    };
    return {
      gamma: this.parameter(`${prefix}.weight`, shape, "norm"),
      beta: this.parameter(`${prefix}.bias`, shape, "norm"),
      runningMean: buffer(`${prefix}.running_mean`),
      runningVariance: buffer(`${prefix}.running_var`),
    };
  }

  /** Weight and bias of the one convolution that a convolution and a BatchNorm with fixed statistics are, computed in double precision. */
  #folded(
    weightName: string,
    norm: string,
    shape: readonly number[],
    { eps = 1e-5, convBias }: NormSettings,
  ): { weight: TensorData; bias: TensorData } {
    const channels = shape[0] as number;
    const weight = this.tensor(weightName, shape).data as Float32Array;
    const [gamma, beta, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map(
      (name) => this.tensor(`${norm}.${name}`, [channels]).data as Float32Array,
    ) as [Float32Array, Float32Array, Float32Array, Float32Array];
    const size = weight.length / channels;
    const folded = new Float32Array(weight.length);
    const bias = new Float32Array(channels);
    const shift = convBias ? this.tensor(weightName.replace(/weight$/, "bias"), [channels]).data : undefined;
    for (let k = 0; k < channels; k++) {
      const factor = gamma[k]! / Math.sqrt(variance[k]! + eps);
      for (let i = k * size; i < (k + 1) * size; i++) folded[i] = weight[i]! * factor;
      bias[k] = beta[k]! + (Number(shift?.[k] ?? 0) - mean[k]!) * factor;
    }
    return { weight: float32(folded, shape), bias: float32(bias) };
  }
}
