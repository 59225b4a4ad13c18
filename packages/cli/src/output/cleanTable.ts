// What `clean` found, for a terminal: the worst of each kind, what stepped back, then a row per class.

import { type Issue, type IssueKind, KINDS } from "../clean/issues.ts";
import type { CleanResult } from "../clean/result.ts";
import { countTable } from "./countTable.ts";
import { oneLine, percent } from "./text.ts";

/** Of each kind: issues.jsonl has all of them. */
const MOST_LINES = 8;

const TITLES: Readonly<Record<IssueKind, string>> = {
  conflict: "the same photo under two classes: one label is wrong",
  label: "probably a wrong label",
  "off-topic": "something else",
  copy: "copies",
  dark: "dark",
  light: "nearly white",
  blurred: "blurred",
  "low-information": "hardly any content",
  grey: "without colour",
  "odd-aspect": "odd shape",
  "odd-size": "odd size",
  drawn: "drawn",
  collage: "several pictures in one",
  border: "framed, or between bars",
  text: "text over it",
};

/** Heads of columns. */
const SHORT: Readonly<Record<IssueKind, string>> = {
  conflict: "two classes",
  label: "wrong label",
  "off-topic": "off topic",
  copy: "copies",
  dark: "dark",
  light: "light",
  blurred: "blurred",
  "low-information": "empty",
  grey: "grey",
  "odd-aspect": "shape",
  "odd-size": "size",
  drawn: "drawn",
  collage: "collage",
  border: "border",
  text: "text",
};

export function cleanTable(result: CleanResult): string {
  const shown = KINDS.filter((kind) => result.issues.some((issue) => issue.kind === kind));
  const table = countTable({
    heads: ["photos", ...shown.map((kind) => SHORT[kind])],
    rows: result.classes.map(({ label, photos, issues }) => ({
      label,
      counts: [photos, ...shown.map((kind) => issues[kind] ?? 0)],
    })),
  });
  const blocks = shown.map((kind) =>
    block(
      TITLES[kind],
      result.issues.filter((issue) => issue.kind === kind),
    ),
  );
  return [...blocks, ...losses(result), ...remarks(result), table, summary(result)].join("\n\n");
}

function block(title: string, issues: readonly Issue[]): string {
  const more = issues.length - MOST_LINES;
  const lines = issues
    .slice(0, more > 1 ? MOST_LINES : issues.length)
    .map(
      ({ file, reason, of }) =>
        `  ${oneLine(file)}: ${oneLine(reason)}${of === undefined ? "" : `; that one stays: ${of.why}`}`,
    );
  if (more > 1) lines.push(`  and ${more} more`);
  return [`${title} (${issues.length})`, ...lines].join("\n");
}

/** The largest of each class and part. */
function losses({ top_losses }: CleanResult): string[] {
  const seen = new Set<string>();
  const lines = top_losses.flatMap(({ file, label, split, loss, predicted, probability }) => {
    const group = split === undefined ? label : `${label}, ${split}`;
    if (seen.has(group)) return [];
    seen.add(group);
    const share = percent(probability).trimStart();
    return [`  ${oneLine(group)}: ${oneLine(file)}, ${loss.toFixed(2)} (${oneLine(predicted)}, ${share})`];
  });
  return lines.length === 0 ? [] : [["largest losses, out of fold", ...lines].join("\n")];
}

function remarks({ stepped_back, mixed_up, label_noise, doubted_classes, with_place }: CleanResult): string[] {
  const back = stepped_back.map(
    ({ check, label, hits, photos }) =>
      `  ${oneLine(label)}: ${hits} of ${photos} photos are "${check}", so that is how they are and none is listed`,
  );
  const doubted = doubted_classes.map(
    ({ label, doubts, photos }) =>
      `  ${oneLine(label)}: ${doubts} of ${photos} labels are doubted: look at the class as a whole`,
  );
  const pairs = mixed_up
    .slice(0, MOST_LINES)
    .map(
      ({ classes: [a, b], share }) => `  ${oneLine(a)} and ${oneLine(b)}: ${percent(share).trimStart()} of all photos`,
    );
  return [
    ...(doubted.length > 0 ? [[`classes in doubt (${doubted.length})`, ...doubted].join("\n")] : []),
    ...(with_place > 0 ? [`${with_place} photos say where they were taken (coordinates in their EXIF)`] : []),
    ...(back.length > 0 ? [[`checks that stepped back (${back.length})`, ...back].join("\n")] : []),
    ...(pairs.length > 0 && label_noise !== null
      ? [[`labels mixed up, as estimated: ${percent(label_noise).trimStart()}`, ...pairs].join("\n")]
      : []),
  ];
}

function summary({ photos, decoded, issues, unreadable }: CleanResult): string {
  const doubtful = new Set(issues.map(({ file }) => file)).size;
  const known = photos - decoded;
  const lost = unreadable.length === 0 ? "" : `; ${unreadable.length} cannot be read (ballsight verify says why)`;
  return `${doubtful} of ${photos} photos are to be looked at${lost}; ${decoded} decoded, ${known} known from before`;
}
