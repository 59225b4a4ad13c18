// What a screen reader is told: the shown photo's answer, what it rests on, and when all photos are done.

import type { HeatMap } from "./device/protocol.ts";
import type { Gallery } from "./photos.ts";
import { brightest, percent } from "./words.ts";

/** One text for a live region that is always there. Failures are alerts of their own; photos are named, so that two like answers are heard twice. */
export function spoken({ photos, shown }: Gallery, map: HeatMap | undefined, threshold: number): string {
  const photo = photos.find(({ id }) => id === shown);
  const best = photo?.answer?.confidences[0];
  const said: string[] = [];
  if (photo?.status === "done" && best !== undefined) {
    const sure = best.confidence >= threshold;
    said.push(
      `${photo.name}: ${sure ? `${best.label}, ${percent(best.confidence)}` : `not sure, perhaps ${best.label}`}.`,
    );
    if (map !== undefined) said.push(`It rests most on ${brightest(map)}.`);
  }
  const isOver = photos.every(({ status }) => status === "done" || status === "failed");
  if (photos.length > 1 && isOver) said.push(`${photos.length} photos are done.`);
  return said.join(" ");
}
