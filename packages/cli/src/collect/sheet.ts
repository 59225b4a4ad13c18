// The contact sheet of `collect`: what it came to, then photos of the classes.

import { basename } from "node:path";
import { collectCounts } from "../output/collectTable.ts";
import { countSection } from "../sheet/page.ts";
import { writeSheet } from "../sheet/write.ts";
import type { CollectResult } from "./result.ts";
import type { PhotoThere } from "./there.ts";

/** @param label of the class that is shown alone, or true for some of each */
export async function writeCollectSheet(
  result: CollectResult,
  photos: readonly PhotoThere[],
  sheet: string | true,
  dir: string,
  out: string,
): Promise<void> {
  const label = sheet === true ? undefined : sheet;
  const name = basename(dir);
  const sum = (column: "got" | "added" | "duplicate") => result.classes.reduce((total, one) => total + one[column], 0);
  await writeSheet({
    dir,
    out,
    label,
    photos,
    title: label === undefined ? name : `${label} in ${name}`,
    figures: [
      [String(sum("got")), "photos"],
      [String(sum("added")), "new"],
      [String(sum("duplicate")), "duplicates left out"],
    ],
    sections: [countSection("What was collected", collectCounts(result))],
  });
}
