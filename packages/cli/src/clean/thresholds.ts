// What counts as a finding: one table of thresholds, each of which `--threshold name=value` changes without a decode.

import { fail, QUALITY_CHECKS, QUALITY_THRESHOLDS, type QualityCheck } from "@ballsight/vision";
import { NEAR_COPY } from "../hash/hashIndex.ts";

export type Thresholds = Readonly<Record<QualityCheck | OwnThreshold, number>>;

type OwnThreshold = "near" | "alike" | "look-alike" | "crop" | "label" | "off-topic" | "share";

interface Threshold {
  readonly default: number;
  readonly from: number;
  readonly to: number;
  readonly whole?: true;
}

/**
 * More than `verify` and `collect` ask for, as here copies are suggested to be taken out: of 623 pairs found among 4,975 photos of balls the three
 * below 0.985 were not copies, looked at one by one; all others had 0.997 and more.
 */
const SURELY_ALIKE = 0.985;

const OWN: Readonly<Record<OwnThreshold, Threshold>> = {
  /** Bits of 64 in which perceptual hashes of copies differ at most. */
  near: { default: NEAR_COPY, from: 0, to: 16, whole: true },
  /** Least correlation of grey sketches of copies. */
  alike: { default: SURELY_ALIKE, from: 0.5, to: 1 },
  /** Least cosine of embeddings of photos that are searched for one another. */
  "look-alike": { default: 0.8, from: -1, to: 1 },
  /** Least correlation of a part with its place in the whole. */
  crop: { default: 0.99, from: 0.5, to: 1 },
  /** Most margin of a label that is called wrong: 0.5 is where another class is as probable, and nobody says more of a label. */
  label: { default: 0.5, from: 0, to: 0.5 },
  /** Interquartile ranges that a photo is farther from its neighbours than three quarters of its class. */
  "off-topic": { default: 2.5, from: 0, to: 100 },
  /** Most share of a class that a check may hit. */
  share: { default: 0.3, from: 0, to: 1 },
};

const TABLE: Readonly<Record<string, Threshold>> = {
  ...OWN,
  ...Object.fromEntries(QUALITY_CHECKS.map((check) => [check, { default: QUALITY_THRESHOLDS[check], from: 0, to: 1 }])),
};

export const THRESHOLD_NAMES = Object.keys(TABLE);

/** @param given `name=value`, the last counts. @throws BAD_OPTION */
export function readThresholds(given: readonly string[] = []): Thresholds {
  const values = Object.fromEntries(Object.entries(TABLE).map(([name, threshold]) => [name, threshold.default]));
  for (const text of given) {
    const [name = "", number = ""] = text.split(/=(.*)/s);
    const entry = Object.hasOwn(TABLE, name) ? TABLE[name] : undefined;
    if (entry === undefined) refuse(`name=value with one of ${THRESHOLD_NAMES.join(", ")}`, text);
    const value = Number(number);
    const fits = number.trim() !== "" && value >= entry.from && value <= entry.to;
    if (!fits || (entry.whole && !Number.isInteger(value))) {
      refuse(`${name}=${entry.whole ? "a whole number" : "a number"} from ${entry.from} to ${entry.to}`, text);
    }
    values[name] = value;
  }
  return values as Thresholds;
}

function refuse(expected: string, received: string): never {
  return fail("BAD_OPTION", { option: "--threshold", expected, received });
}
