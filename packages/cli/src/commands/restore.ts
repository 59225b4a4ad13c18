// `ballsight restore`: photos that were taken out of a data set brought back, all or some, never over another one.

import { stat } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { BallsightError, fail } from "@ballsight/vision";
import { describeFailure } from "../data/dataset.ts";
import { type ErrorRecord, errorRecord } from "../output/errors.ts";
import { Progress } from "../output/progress.ts";
import { oneLine } from "../output/text.ts";
import { failChanging } from "../trash/hold.ts";
import { readJournal, TRASH_FOLDER } from "../trash/journal.ts";
import { lastWords, listTrash } from "../trash/list.ts";
import { exists } from "../trash/move.ts";
import { originOf, restorePhoto } from "../trash/restore.ts";
import { Trash } from "../trash/trash.ts";

export interface RestoreOptions {
  readonly list?: true;
  readonly json?: true;
}

/** Returns the exit code: 0 when all that was asked for is back, 1 when something stayed in the trash. Throws on data (exit code 2). */
export async function restore(data: string, names: readonly string[], options: RestoreOptions): Promise<number> {
  const root = resolve(data);
  await expectFolder(root, data);
  if (options.list) return await list(root, options);
  // An empty trash with a journal may be what a kill left behind: then metadata.jsonl is still to be put right.
  if (names.length === 0 && !(await exists(join(root, TRASH_FOLDER)))) return say([], [], options);

  const trash = await Trash.open(root);
  const progress = new Progress({ stream: process.stderr, silent: options.json === true });
  const restored: Restored[] = [];
  const failed: Failed[] = [];
  try {
    const places = (await listTrash(root)).map((photo) => ({ place: photo.trash, file: originOf(trash, photo.trash) }));
    const { wanted, unknown } = choose(places, names, root);
    for (const name of unknown)
      failed.push({ file: name, error: errorRecord(new BallsightError("NOT_IN_TRASH", { name, data })) });
    progress.start("Restore");
    for (const { place, file } of wanted) {
      try {
        restored.push({ file: await restorePhoto(trash, place), from: place });
      } catch (error) {
        if (!(error instanceof BallsightError)) throw error;
        failed.push({ file, error: errorRecord(error) });
      }
      progress.update({ done: restored.length + failed.length, total: wanted.length + unknown.length });
    }
  } catch (error) {
    await failChanging(error, root);
  } finally {
    progress.clear();
    await trash.save().finally(() => trash.close());
  }
  return say(restored, failed, options);
}

interface Restored {
  readonly file: string;
  readonly from: string;
}

interface Failed {
  readonly file: string;
  readonly error: ErrorRecord;
}

interface Place {
  readonly place: string;
  readonly file: string;
}

/** A name is a photo's or a folder's, as it was in the data set or as it is in the trash, from there or from here. */
function choose(
  places: readonly Place[],
  names: readonly string[],
  root: string,
): { wanted: Place[]; unknown: string[] } {
  if (names.length === 0) return { wanted: [...places], unknown: [] };
  const wanted = new Set<Place>();
  const unknown: string[] = [];
  for (const name of names) {
    const spellings = [name, relative(root, resolve(name))].map((path) =>
      path.split(sep).join("/").replace(/^\.\//, "").replace(/\/+$/, "").normalize("NFC"),
    );
    const isIn = (path: string) =>
      spellings.some((spelling) => {
        const plain = path.normalize("NFC");
        return plain === spelling || plain.startsWith(`${spelling}/`);
      });
    const found = places.filter(({ place, file }) => isIn(file) || isIn(place));
    if (found.length === 0) unknown.push(name);
    for (const one of found) wanted.add(one);
  }
  return { wanted: [...wanted], unknown };
}

async function list(root: string, { json }: RestoreOptions): Promise<number> {
  const [photos, journal] = await Promise.all([listTrash(root), readJournal(root)]);
  const words = lastWords(journal);
  const rows = photos.map(({ trash, bytes }) => {
    const entry = words.get(trash);
    return { file: entry?.file ?? trash.slice(TRASH_FOLDER.length + 1), trash, bytes, why: entry?.why ?? [] };
  });
  if (json) process.stdout.write(`${JSON.stringify({ trash: rows })}\n`);
  else {
    const lines = rows.map(({ file, trash, why }) => {
      const elsewhere = trash === `${TRASH_FOLDER}/${file}` ? "" : `  (${oneLine(trash)})`;
      return `${oneLine(file)}${elsewhere}  ${oneLine(why.join(", "))}`.trimEnd();
    });
    process.stdout.write(
      `${[...lines, `${rows.length} ${rows.length === 1 ? "photo" : "photos"} in the trash`].join("\n")}\n`,
    );
  }
  return 0;
}

function say(restored: readonly Restored[], failed: readonly Failed[], { json }: RestoreOptions): number {
  if (json) process.stdout.write(`${JSON.stringify({ restored, failed })}\n`);
  else {
    for (const { error } of failed) process.stderr.write(`${oneLine(`ballsight: ${error.message} [${error.code}]`)}\n`);
    const lines = restored.length <= 20 ? restored.map(({ file }) => oneLine(file)) : [];
    const count = `${restored.length} ${restored.length === 1 ? "photo is" : "photos are"} back`;
    process.stdout.write(
      `${[...lines, restored.length + failed.length === 0 ? "the trash is empty" : count].join("\n")}\n`,
    );
  }
  return failed.length > 0 ? 1 : 0;
}

async function expectFolder(root: string, name: string): Promise<void> {
  const info = await stat(root).catch((cause: unknown) =>
    fail("DATA_NOT_A_FOLDER", { name, received: describeFailure(cause) }, { cause }),
  );
  if (!info.isDirectory()) fail("DATA_NOT_A_FOLDER", { name, received: "a file" });
}
