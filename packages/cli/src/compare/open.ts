// A comparison begun or gone on with: what can be wrong with options, photos and folders is said before anything is trained.

import { fail } from "@ballsight/vision";
import { readDataset } from "../data/dataset.ts";
import { runName } from "../run/runDirectory.ts";
import { expectCopyFolder } from "./copyBest.ts";
import { CompareFolder } from "./folder.ts";
import {
  type CompareOptions,
  type CompareSettings,
  compareSettings,
  expectSamePhotos,
  photosOf,
  resumedSettings,
} from "./settings.ts";

/** @throws what `compareSettings`, `resumedSettings`, `readDataset`, `openRun` and `expectCopyFolder` do */
export async function openComparison(
  data: string | undefined,
  options: CompareOptions,
): Promise<{ folder: CompareFolder; settings: CompareSettings }> {
  if (options.resume) {
    if (options.out === undefined)
      fail("BAD_OPTION", { option: "--out", expected: "the comparison to go on with", received: "nothing" });
    const folder = await CompareFolder.open(options.out, { resume: true });
    try {
      const settings = resumedSettings(await folder.readSettings(), options, data, options.out);
      expectSamePhotos(settings, await readDataset(settings.config.data), options.out);
      if (settings.copyBest !== null) await expectCopyFolder(settings.copyBest);
      await folder.writeSettings(settings);
      return { folder, settings };
    } catch (error) {
      await folder.close({ keep: true });
      throw error;
    }
  }
  if (data === undefined)
    fail("BAD_OPTION", { option: "<data>", expected: "a folder of class folders", received: "nothing" });
  const wanted = compareSettings(data, options);
  // What can be wrong is said before a folder is made.
  const settings = { ...wanted, photos: photosOf(await readDataset(data)) };
  if (settings.copyBest !== null) await expectCopyFolder(settings.copyBest);
  const folder = await CompareFolder.open(options.out ?? `runs/${runName("compare", new Date())}`, { resume: false });
  await folder.writeSettings(settings);
  return { folder, settings };
}
