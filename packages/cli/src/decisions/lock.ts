// One process at a time reviews a data set or applies its decisions.

import { rmdir } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "@ballsight/vision";
import { describeHolder, type Lock, tryLock } from "../run/lock.ts";
import { makeFolders, removeTemporaryFiles } from "../run/writeAtomic.ts";
import { failChanging } from "../trash/hold.ts";
import { REVIEW_FOLDER } from "./plans.ts";

/** @throws DATA_BUSY, DATA_NOT_WRITABLE */
export async function holdReview(root: string): Promise<Lock> {
  const folder = join(root, REVIEW_FOLDER);
  try {
    await makeFolders(folder);
    const result = await tryLock(folder);
    if ("heldBy" in result) {
      const received = `one that ${describeHolder(result.heldBy)} reviews`;
      return fail("DATA_BUSY", { name: root, received, lock: join(folder, "lock") });
    }
    await removeTemporaryFiles(folder);
    const { lock } = result;
    return {
      release: async () => {
        await lock.release();
        // Gone again where nothing was ever applied.
        await rmdir(folder).catch(() => undefined);
      },
    };
  } catch (error) {
    return await failChanging(error, root);
  }
}
