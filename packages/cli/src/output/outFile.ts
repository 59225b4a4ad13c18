// Files that a command is asked to write: looked at before the work begins.

import { access, constants, open, stat } from "node:fs/promises";
import { basename, dirname, extname, resolve } from "node:path";
import { fail } from "@ballsight/vision";

/** Of a page of this program what its title says, of any other file nothing, undefined where there is none. */
export async function kindOf(path: string): Promise<string | undefined> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
    return / · ([\w ]+)<\/title>/.exec(buffer.toString("utf8", 0, bytesRead))?.[1] ?? "";
  } catch {
    return ""; // a folder
  } finally {
    await file.close();
  }
}

/** @throws BAD_OPTION where a file of that name cannot be written: better now than after minutes */
export async function expectWritable(option: string, path: string, extensions: readonly string[]): Promise<void> {
  // `--out runs/x`, as `train` takes it, would become a file without a name's end that a browser knows.
  if (!extensions.includes(extname(path).toLowerCase())) {
    fail("BAD_OPTION", { option, expected: `a file name that ends in ${extensions[0]}`, received: path });
  }
  const expected = "a file in a folder that can be written";
  if ((await stat(path).catch(() => undefined))?.isDirectory()) {
    fail("BAD_OPTION", { option, expected, received: `the folder ${path}` });
  }
  const folder = dirname(resolve(path));
  try {
    if (!(await stat(folder)).isDirectory()) throw Object.assign(new Error(), { code: "ENOTDIR" });
    await access(folder, constants.W_OK);
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    fail("BAD_OPTION", { option, expected, received: `${basename(path)} in ${folder} (${code})` }, { cause });
  }
}
