// Lists and folders that cannot be read, as errors that users understand.

import { fail } from "@ballsight/vision";

/** @throws FILE_NOT_FOUND, IS_A_FOLDER, FILE_NOT_READABLE */
export function failReading(error: unknown, name: string): never {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENOTDIR") fail("FILE_NOT_FOUND", { name }, { cause: error });
  if (code === "EISDIR") fail("IS_A_FOLDER", { name }, { cause: error });
  return fail("FILE_NOT_READABLE", { name, reason: `one that cannot be read (${code ?? error})` }, { cause: error });
}
