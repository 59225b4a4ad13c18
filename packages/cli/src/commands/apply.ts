// `ballsight apply`: what was decided in the review carried out on the files, looked at beforehand, or taken back.

import { realpath } from "node:fs/promises";
import { fail } from "@ballsight/vision";
import { describeFailure } from "../data/dataset.ts";
import { applyDecisions, previewApply } from "../decisions/apply.ts";
import type { ApplyOptions } from "../decisions/carryOut.ts";
import { previewUndo, undoApply } from "../decisions/undo.ts";
import { appliedRecord, appliedText, undoneRecord, undoneText } from "../output/applyTable.ts";
import { Progress } from "../output/progress.ts";
import { watchHeldOut } from "../review/heldOut.ts";
import { failChanging } from "../trash/hold.ts";

export interface ApplyFlags {
  readonly dryRun?: true;
  readonly undo?: true;
  readonly json?: true;
}

/** Returns the exit code: 0 when every photo is where it should be, 1 when some could not be moved. Throws on data (exit code 2). */
export async function apply(data: string, flags: ApplyFlags): Promise<number> {
  const dryRun = flags.dryRun === true;
  const json = flags.json === true;
  const root = await realpath(data).catch((cause: unknown) =>
    fail("DATA_NOT_A_FOLDER", { name: data, received: describeFailure(cause) }, { cause }),
  );
  const progress = new Progress({ stream: process.stderr, silent: json });
  let at = "";
  const options: ApplyOptions = {
    onProgress: (stage, done, total) => {
      if (stage !== at) progress.start(stage);
      at = stage;
      progress.update({ done, total });
    },
  };
  const run = async () => {
    if (flags.undo) {
      const undone = await (dryRun ? previewUndo(root) : undoApply(root, options));
      return { record: undoneRecord(undone, dryRun), text: undoneText(undone, dryRun), failed: undone.failed };
    }
    const applied = await (dryRun ? previewApply(root, options) : applyDecisions(root, options));
    return { record: appliedRecord(applied, dryRun), text: appliedText(applied, dryRun), failed: applied.failed };
  };
  try {
    const warnHeldOut = flags.undo ? undefined : await watchHeldOut(root);
    const { record, text, failed } = await run();
    progress.clear();
    const held = warnHeldOut && { held_out: warnHeldOut(record.moved) };
    process.stdout.write(`${json ? JSON.stringify({ data: root, ...record, ...held }) : text}\n`);
    return failed.length > 0 ? 1 : 0;
  } catch (error) {
    progress.clear();
    return await failChanging(error, root);
  }
}
