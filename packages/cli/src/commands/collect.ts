// `ballsight collect`: words, lists or a folder in; folders of distinct, readable photos with their origin and licence out.

import { BallsightError } from "@ballsight/vision";
import { type CollectEvents, collectDataset } from "../collect/collect.ts";
import type { CollectResult } from "../collect/result.ts";
import { type CollectOptions, collectSettings } from "../collect/settings.ts";
import { collectTable } from "../output/collectTable.ts";
import { errorLine } from "../output/errors.ts";
import { Progress } from "../output/progress.ts";
import { oneLine } from "../output/text.ts";
import { interruptOnSignals } from "../train/supervision.ts";

/** Returns the exit code: 0 every class has what it wants, 1 some lack photos or it was interrupted. Throws on wrong options and folders (exit code 2). */
export async function collect(options: CollectOptions): Promise<number> {
  const settings = await collectSettings(options);
  // Loaded by those alone who want it.
  const queue = options.redis === undefined ? undefined : await import("../collect/overRedis.ts");
  const address = options.redis === undefined ? undefined : await queue?.openAddress(options.redis, process.env);
  const progress = new Progress({ stream: process.stderr, silent: options.json === true });
  const controller = new AbortController();
  const stop = interruptOnSignals(() => {
    progress.clear();
    controller.abort(new BallsightError("INTERRUPTED", { task: "reading photos", advice: "run the command again" }));
  }, "stopping; the same command goes on from here");
  let phase = "";
  let before = 0;
  const draw = (label: string, done: number, total: number, note = "") => {
    if (phase !== label) {
      progress.start(label);
      before = done - 1;
    }
    phase = label;
    progress.update({ done, total, before: Math.max(0, Math.min(before, done)), note });
  };
  const events: CollectEvents = {
    say: (line) => {
      progress.clear();
      process.stderr.write(`ballsight: ${oneLine(line)}\n`);
    },
    measured: (done, total) => draw("Photos that are there", done, total),
    progress: (have, wanted, label) => draw("Photos", have, wanted, oneLine(label)),
  };
  const remote = address === undefined ? undefined : queue?.overRedis(address, events.say);
  let result: CollectResult;
  try {
    const context = { env: process.env, events, signal: controller.signal };
    result = await collectDataset(settings, { ...context, ...(remote !== undefined && { remote }) });
  } catch (error) {
    // Before there was anything to show.
    if (!controller.signal.aborted) throw error;
    progress.clear();
    process.stderr.write(`${errorLine(error)}\n`);
    return 1;
  } finally {
    progress.clear();
    stop.restore();
  }
  print(result, options.json === true);
  return result.interrupted || result.classes.some(({ got, wanted }) => got < wanted) ? 1 : 0;
}

function print(result: CollectResult, json: boolean): void {
  if (json) {
    const { classes, ...rest } = result;
    for (const one of classes) process.stdout.write(`${JSON.stringify(one)}\n`);
    process.stdout.write(`${JSON.stringify({ ...rest, classes: classes.map(({ label }) => label) })}\n`);
    return;
  }
  const short = result.classes.filter(({ got, wanted }) => got < wanted);
  const lines = [collectTable(result), ""];
  lines.push(`photos   ${oneLine(result.out)}`);
  if (result.credits !== undefined) lines.push(`credits  ${oneLine(result.credits)}`);
  if (result.sheet !== undefined) lines.push(`sheet    ${oneLine(result.sheet)}`);
  if (result.interrupted) lines.push("interrupted; the same command goes on from here");
  else if (result.sources.some(({ stopped }) => stopped !== undefined) && short.length > 0)
    lines.push("not all is there yet; the same command goes on when the sources answer again");
  else if (short.some(({ left }) => left > 0))
    lines.push("not all is there yet; the same command goes on when hosts that want to be left alone answer again");
  else if (short.length > 0)
    lines.push(
      `${short.map(({ label }) => oneLine(label)).join(", ")}: no more was found; other words (--classes) or more sources (--source) may have more`,
    );
  process.stdout.write(`${lines.join("\n")}\n`);
}
