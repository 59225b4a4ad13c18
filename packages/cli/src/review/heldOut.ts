// What `apply` says where it changes photos that models are measured on.

import { join } from "node:path";
import { ISSUES_FILE } from "../clean/issues.ts";
import { photoFiles } from "../decisions/hashes.ts";
import { warn } from "../output/warn.ts";
import { readIssues } from "./issues.ts";
import { partsOf } from "./parts.ts";

interface MovedPhoto {
  readonly file: string;
  readonly sha256: string;
}

/** What `train` does where nothing else is asked for. */
const DEFAULT_SPLIT = { valid: 0.1, seed: 42 };

/**
 * To be asked before anything is moved: then the names are those of the split.
 * @returns warns of those held-out photos that are among the moved ones, and counts them
 */
export async function watchHeldOut(root: string): Promise<(moved: readonly MovedPhoto[]) => number> {
  const { photos: doubtful } = await readIssues(join(root, ISSUES_FILE)).catch(() => ({ photos: [] }));
  const files = (await photoFiles(root)).map(({ file }) => file);
  const parts = partsOf({ files, doubtful, version: [], ...DEFAULT_SPLIT });
  const by = parts.isOfRun ? "" : " by the split that `train` makes by default";
  return (moved) => {
    const held = moved.filter((photo) => parts.of(photo) === "valid").length;
    if (held > 0) {
      const are = held === 1 ? "photo is" : "photos are";
      warn(`${held} ${are} held out${by}: what is changed there changes what accuracy is measured on`);
    }
    return held;
  };
}
