// What `apply` did, or would do, in lines and as plain data.

import type { Applied } from "../decisions/apply.ts";
import type { FailedMove } from "../decisions/carryOut.ts";
import type { Left, Move } from "../decisions/plan.ts";
import type { Undone } from "../decisions/undo.ts";
import { oneLine } from "./text.ts";

/** More are counted, unless they were asked for with --dry-run. */
const MOST_LINES = 20;

export function appliedText({ moved, resumed, left, failed, passedOver, emptied }: Applied, dryRun: boolean): string {
  const will = dryRun ? "would be " : "";
  const lines: string[] = [];
  if (resumed !== undefined) {
    const what = resumed.undo ? "an undo" : "an apply";
    lines.push(
      `${what} that was cut off ${dryRun ? "would be finished first" : "is finished"}: ${photos(resumed.moves)}`,
    );
    if (dryRun) lines.push(...resumed.moves.map((move) => line(move, resumed.undo)));
  }
  if (dryRun || moved.length <= MOST_LINES) lines.push(...moved.map((move) => line(move, false)));
  lines.push(...failed.map(failure), ...leftLines(left));
  if (passedOver > 0)
    lines.push(
      `${count(passedOver, "line")} of decisions.jsonl could not be read and ${passedOver === 1 ? "is" : "are"} passed over`,
    );
  if (emptied.length > 0)
    lines.push(oneLine(`${emptied.join(", ")}: no photo ${dryRun ? "would be" : "is"} left there`));
  const [classes, out] = [
    moved.filter(({ action }) => action === "move"),
    moved.filter(({ action }) => action === "trash"),
  ];
  const summary = [
    ...(classes.length > 0 ? [`${photos(classes)} ${will}moved to another class`] : []),
    ...(out.length > 0 ? [`${photos(out)} ${will}moved to .trash`] : []),
  ];
  if (summary.length > 0) lines.push(`${summary.join(", ")}${dryRun ? "" : "; take it back with --undo"}`);
  else if (resumed === undefined) lines.push("nothing to do: no decision asks for a move");
  return lines.join("\n");
}

export function undoneText({ plan, moved, failed }: Undone, dryRun: boolean): string {
  if (plan === undefined) return "nothing to undo: nothing was applied, or all of it was taken back";
  const lines = dryRun || moved.length <= MOST_LINES ? moved.map((move) => line(move, true)) : [];
  return [
    ...lines,
    ...failed.map(failure),
    `${photos(moved)} ${dryRun ? "would go" : "went"} back, as before ${plan.at}`,
  ].join("\n");
}

export function appliedRecord(
  { moved, resumed, left, failed, passedOver, emptied, photos: looked }: Applied,
  dryRun: boolean,
) {
  const finished = resumed && { undo: resumed.undo, moves: resumed.moves.map(record) };
  return {
    dry_run: dryRun,
    photos: looked,
    moved: moved.map(record),
    ...(finished && { finished }),
    left,
    failed: failed.map(({ move, outcome }) => ({ ...record(move), outcome })),
    passed_over: passedOver,
    emptied,
  };
}

export function undoneRecord({ plan, moved, failed }: Undone, dryRun: boolean) {
  return {
    dry_run: dryRun,
    undone: plan?.at ?? null,
    moved: moved.map(record),
    failed: failed.map(({ move, outcome }) => ({ ...record(move), outcome })),
  };
}

const record = ({ action, file, to, sha256, label, why }: Move) => ({
  action,
  file,
  to,
  sha256,
  ...(label !== undefined && { label }),
  why,
});

function line({ file, to, why }: Move, isBack: boolean): string {
  const [from, target] = isBack ? [to, file] : [file, to];
  return oneLine(`${from} -> ${target}${why.length > 0 ? `  (${why.join(", ")})` : ""}`);
}

function failure({ move, outcome }: FailedMove): string {
  return oneLine(`${move.file} -> ${move.to}: ${FAILURES[outcome]}`);
}

const FAILURES: Readonly<Record<FailedMove["outcome"], string>> = {
  missing: "is not there any more",
  blocked: "stays: another photo has come to that place",
  changed: "stays: it has changed since, or another photo has come to its name",
};

const WORDS: Readonly<Record<Left["reason"], (many: boolean) => string>> = {
  gone: (many) => `${many ? "are" : "is"} not there any more, deleted or changed since`,
  elsewhere: (many) => `${many ? "lie" : "lies"} in another class than when it was decided`,
  only: (many) => `${many ? "stay" : "stays"}: the photo that it is a copy of goes or has gone`,
  restored: (many) => `${many ? "stay" : "stays"}: brought back by \`restore\` since`,
};

/** One line per reason, however many there are. */
function leftLines(left: readonly Left[]): string[] {
  return (Object.keys(WORDS) as Left["reason"][]).flatMap((reason) => {
    const files = left.filter((one) => one.reason === reason).map(({ file }) => file);
    if (files.length === 0) return [];
    const more = files.length > 3 ? ` and ${files.length - 3} more` : "";
    return [oneLine(`${files.slice(0, 3).join(", ")}${more} ${WORDS[reason](files.length > 1)}`)];
  });
}

const photos = (list: readonly unknown[]) => count(list.length, "photo");
const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? "" : "s"}`;
