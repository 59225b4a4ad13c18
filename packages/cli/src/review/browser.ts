// The page in the user's browser, without the token on a command line: those every user of the machine can read.

import { spawn } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFolders } from "../run/writeAtomic.ts";

/**
 * Opens a file that nobody else can read and that leads to the address, as Jupyter does. Where there is no desktop, or no such file can be made,
 * the address stands on the terminal.
 * @param folder of this user
 * @returns takes the file away
 */
export async function openInBrowser(address: string, folder: string): Promise<() => Promise<void>> {
  const door = join(folder, `open-${process.pid}.html`);
  try {
    await makeFolders(folder);
    await rm(door, { force: true });
    // Made with these rights or not at all: a file that is there already would keep its own.
    await writeFile(door, pageTo(address), { mode: 0o600, flag: "wx" });
  } catch {
    return async () => undefined;
  }
  const [command, ...args] =
    process.platform === "darwin"
      ? ["open", door]
      : process.platform === "win32"
        ? ["cmd", "/c", "start", "", door]
        : ["xdg-open", door];
  spawn(command!, args, { stdio: "ignore", detached: true })
    .on("error", () => undefined)
    .unref();
  return async () => await rm(door, { force: true }).catch(() => undefined);
}

/** @param address of http, a token and slashes: nothing that HTML would read otherwise */
const pageTo = (address: string) => `<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url=${address}">
<title>Review of doubtful photos</title>
<p><a href="${address}">Review</a></p>
`;
