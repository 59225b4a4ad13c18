// The options of `ballsight compare`, and compare.json: what a comparison repeats from and goes on with.

import { resolve } from "node:path";
import { BallsightError, fail, resolveModel } from "@ballsight/vision";
import { type Dataset, dataFingerprint, expectSameData } from "../data/dataset.ts";
import {
  expectSameConfig,
  type RunConfig,
  runConfig,
  savedConfig,
  savedSides,
  type TrainOptions,
} from "../train/options.ts";

/** As commander hands them over: those of `train` but for `--arch`, and its own. */
export interface CompareOptions extends Omit<TrainOptions, "arch"> {
  readonly archs?: string;
  readonly copyBest?: string;
}

export interface CompareSettings {
  readonly networks: readonly string[];
  readonly randomIfMissing: boolean;
  /** Absolute; null for none. */
  readonly copyBest: string | null;
  /** Fingerprint of the photos' names and sizes. */
  readonly photos: string;
  /** What all networks share. */
  readonly config: Omit<RunConfig, "arch">;
}

/** The project's table. */
const DEFAULT_NETWORKS = "resnet34,googlenet,vgg16,mobilenet_v3_small,mobilenet_v2";

/** What a comparison can be wrong in without a look at the photos. @throws BAD_OPTION, UNKNOWN_ARCHITECTURE */
export function compareSettings(data: string, options: CompareOptions): Omit<CompareSettings, "photos"> {
  const { arch: _, ...config } = runConfig(resolve(data), options);
  if (config.weights !== "default" && config.weights !== "none") {
    const expected = "none, for all networks (weights for one of them: name it as arch.weights in --archs)";
    fail("BAD_OPTION", { option: "--weights", expected, received: config.weights });
  }
  return {
    networks: networkNames(options.archs ?? DEFAULT_NETWORKS),
    randomIfMissing: options.randomIfMissing ?? false,
    copyBest: options.copyBest === undefined ? null : resolve(options.copyBest),
    config,
  };
}

/** Every name is looked up before anything starts: nobody should hear of the fifth one's spelling after hours. */
function networkNames(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes(""))
    fail("BAD_OPTION", { option: "--archs", expected: "names with commas between", received: text });
  for (const name of names) {
    try {
      resolveModel(name);
    } catch (error) {
      if (!(error instanceof BallsightError)) throw error;
      fail("UNKNOWN_ARCHITECTURE", { option: "--archs", received: name, advice: String(error.details.advice) });
    }
  }
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined)
    fail("BAD_OPTION", { option: "--archs", expected: "every network once", received: `${twice} twice` });
  return names;
}

/** @throws CHECKPOINT_INVALID where compare.json is none of this version */
export function savedSettings(text: string, name: string): CompareSettings {
  const invalid = (received: string): never => fail("CHECKPOINT_INVALID", { name, received });
  let saved: Partial<CompareSettings>;
  try {
    saved = { ...(JSON.parse(text) as Partial<CompareSettings>) };
  } catch {
    return invalid("a compare.json that is no JSON object");
  }
  const { networks, randomIfMissing, copyBest, photos, config } = saved;
  const sound =
    Array.isArray(networks) &&
    networks.every((network) => typeof network === "string") &&
    typeof randomIfMissing === "boolean" &&
    (copyBest === null || typeof copyBest === "string") &&
    typeof photos === "string";
  if (!sound) return invalid("settings of another version");
  const { arch: _, ...checked } = savedConfig({ ...config, arch: "" }, name);
  return { networks, randomIfMissing, copyBest, photos, config: checked };
}

/**
 * With --resume the comparison's own settings hold; one that was given again must be the same. What networks that could
 * not start do, and where the best one goes, may be given anew.
 * @throws CONFIG_MISMATCH, BAD_OPTION, UNKNOWN_ARCHITECTURE
 */
export function resumedSettings(
  saved: CompareSettings,
  options: CompareOptions,
  data: string | undefined,
  name: string,
): CompareSettings {
  const given = compareSettings(data ?? saved.config.data, { ...savedSides(saved.config), ...options });
  expectSameConfig({ ...saved.config, arch: "" }, options, data, name);
  const [expected, received] = [saved.networks.join(","), given.networks.join(",")];
  if (options.archs !== undefined && expected !== received)
    fail("CONFIG_MISMATCH", { option: "--archs", name, expected, received });
  return {
    ...saved,
    randomIfMissing: saved.randomIfMissing || given.randomIfMissing,
    copyBest: given.copyBest ?? saved.copyBest,
  };
}

export const photosOf = ({ files, sizes }: Dataset): string =>
  dataFingerprint(files.map((file, i) => ({ file, size: sizes[i]! })));

/** @throws DATA_CHANGED */
export function expectSamePhotos(settings: CompareSettings, dataset: Dataset, name: string): void {
  expectSameData({ name: settings.config.data, run: name, expected: settings.photos, received: photosOf(dataset) });
}
