// Real photos as strangers: one class is left out, and a few of its photos lie under the others.

import type { OrtRuntime } from "@ballsight/grad";
import { Generator, type Rows } from "@ballsight/vision";
import {
  distancesToClass,
  findOffTopic,
  nearestByClass,
  pickRows,
  rangesBeyond,
  readThresholds,
} from "../internals.ts";
import { type Found, found, meanOf } from "./score.ts";

const NEIGHBOURS = 16;
/** Of the photos that are left. */
const SHARE = 0.01;

/** Mean over all classes, each left out once. */
export async function strangersOfLeftOutClass(
  runtime: OrtRuntime,
  features: Rows,
  photos: readonly { readonly target: number }[],
  classes: number,
): Promise<Found> {
  const runs: Found[] = [];
  for (let out = 0; out < classes; out++) {
    const random = new Generator({ seed: out });
    const own = [...photos.keys()].filter((row) => photos[row]!.target !== out);
    const others = random.shuffle([...photos.keys()].filter((row) => photos[row]!.target === out));
    const strangers = others.slice(0, Math.round(SHARE * own.length));
    const rows = [...own, ...strangers];
    const targets = rows.map((row, i) =>
      i < own.length ? photos[row]!.target : (out + 1 + random.integer(classes - 1)) % classes,
    );
    const byClass = await nearestByClass(runtime, pickRows(features, rows), targets, classes, NEIGHBOURS);
    const alone = rows.map((_, i) => i);
    const beyond = rangesBeyond(distancesToClass(byClass, targets, alone), targets);
    const flagged = findOffTopic(beyond, readThresholds()["off-topic"]).map(({ photo }) => photo);
    const planted = new Set([...rows.keys()].filter((i) => i >= own.length));
    runs.push(
      found(
        flagged,
        beyond.map((own) => -own),
        planted,
      ),
    );
  }
  return meanOf(runs);
}
