// `--copy-best`: the best network's model file and card, under the network's name.

import { access, constants, readFile } from "node:fs/promises";
import { join } from "node:path";
import { RUN_FILES } from "../run/runDirectory.ts";
import { failWriting, makeFolders, writeAtomic } from "../run/writeAtomic.ts";

const OPTION = "--copy-best";

/** Better now than after hours. @throws RUN_NOT_WRITABLE, DISK_FULL */
export async function expectCopyFolder(folder: string): Promise<void> {
  try {
    await makeFolders(folder);
    await access(folder, constants.W_OK);
  } catch (error) {
    await failWriting(error, join(folder, RUN_FILES.model), 0, OPTION);
  }
}

/** @returns where the model is. @throws DISK_FULL, RUN_NOT_WRITABLE; files of those names are replaced whole */
export async function copyBest(run: string, network: string, folder: string): Promise<string> {
  const model = join(folder, `${network}.onnx`);
  // The card first: a model without its card says less than a card without its model does harm.
  await writeAtomic(join(folder, `${network}.md`), await readFile(join(run, RUN_FILES.card)), OPTION);
  await writeAtomic(model, await readFile(join(run, RUN_FILES.model)), OPTION);
  return model;
}
