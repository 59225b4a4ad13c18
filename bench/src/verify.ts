// `bench verify`: every photo of a data set decoded and compared with all others, and the memory that few and many of them take.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { drawnPhoto } from "./drawn.ts";
import { PROGRAM, wholeNumber } from "./options.ts";
import { print, type Row, rate, rounded, seconds } from "./output.ts";
import { ProgramFailed, run } from "./processes.ts";
import { progressBar } from "./progress.ts";
import { temporaryFolder } from "./temporary.ts";

interface VerifyOptions {
  readonly few: string;
  readonly many: string;
  readonly json?: true;
}

interface Measured {
  readonly photos: number;
  readonly seconds: number;
  readonly photos_per_s: number;
  /** Megabytes; undefined where the system does not tell. */
  readonly rss_peak_mb: number | undefined;
}

const [WIDTH, HEIGHT] = [640, 480];
/** Photos drawn side by side. */
const AHEAD = 4;

export async function verify(options: VerifyOptions): Promise<void> {
  const counts = [wholeNumber("few", options.few, 1, 1_000_000), wholeNumber("many", options.many, 1, 1_000_000)];
  const measured: Measured[] = [];
  for (const count of counts) measured.push(await measure(count));
  const rows = measured.map(
    ({ photos, seconds: duration, photos_per_s, rss_peak_mb }): Row => [
      `${photos} photos of ${WIDTH} x ${HEIGHT}`,
      rate(photos_per_s),
      seconds(duration),
      rss_peak_mb === undefined ? "memory unknown" : `${rss_peak_mb} MB`,
    ],
  );
  print({ verify: measured }, rows, options.json === true);
}

async function measure(count: number): Promise<Measured> {
  const folder = join(temporaryFolder(), "data");
  await mkdir(join(folder, "Ball"), { recursive: true });
  const progress = progressBar();
  progress.start("Drawing photos");
  for (let i = 0; i < count; i += AHEAD) {
    const ids = Array.from({ length: Math.min(AHEAD, count - i) }, (_, k) => i + k);
    await Promise.all(
      ids.map(async (id) => await writeFile(join(folder, "Ball", `${id}.jpg`), await drawnPhoto(id, WIDTH, HEIGHT))),
    );
    progress.update({ done: i, total: count });
  }
  progress.clear();
  const outcome = await run(process.execPath, [PROGRAM, "verify", folder, "--json"]);
  if (outcome.code !== 0) throw new ProgramFailed("ballsight verify", outcome);
  const { peakBytes, seconds: duration } = outcome;
  return {
    photos: count,
    seconds: rounded(duration, 2),
    photos_per_s: rounded(count / duration, 1),
    rss_peak_mb: peakBytes === undefined ? undefined : Math.round(peakBytes / 1e6),
  };
}
