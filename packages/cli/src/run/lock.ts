// One process per folder: a lock file that names its holder and is taken over when the holder is dead.

import { readFileSync } from "node:fs";
import { link, mkdir, readFile, rmdir, stat, unlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** Tells a process from a later one with the same number; null where the system does not say. */
  readonly started: string | null;
}

export interface Lock {
  /** Gives the folder back. Safe to call twice. */
  release(): Promise<void>;
}

export type LockResult = { readonly lock: Lock } | { readonly heldBy: LockHolder };

const LOCK_FILE = "lock";
let serial = 0;

/** Locks `folder`, which exists, or says who holds it. Errors of the file system come through as they are. */
export async function tryLock(folder: string): Promise<LockResult> {
  const path = join(folder, LOCK_FILE);
  const mine = JSON.stringify(describeProcess(process.pid));
  for (;;) {
    if (await createWhole(path, mine)) return { lock: new HeldLock(path, mine) };
    const theirs = await readFile(path, "utf8").catch(() => undefined);
    if (theirs === undefined) continue; // released in between
    const holder = parseHolder(theirs);
    if (holder !== undefined && isAlive(holder)) return { heldBy: holder };
    await takeAway(path, theirs);
  }
}

export interface WaitOptions {
  /** Told once, who is waited for. */
  readonly onWait?: ((holder: string) => void) | undefined;
  /** Asked now and then; true ends the waiting. */
  readonly stopped?: () => boolean;
}

const LOOK_MS = 250;

/** As `tryLock`, once no other process of this machine holds the folder, or the waiting was ended. Another machine's is not waited for. */
export async function waitForLock(
  folder: string,
  { onWait, stopped = () => false }: WaitOptions = {},
): Promise<LockResult> {
  for (let told = false; ; told = true) {
    const result = await tryLock(folder);
    if ("lock" in result || result.heldBy.host !== hostname() || stopped()) return result;
    if (!told) onWait?.(describeHolder(result.heldBy));
    await sleep(LOOK_MS);
  }
}

/** For the message: "process 4711", "process 4711 on another-host". */
export function describeHolder(holder: LockHolder): string {
  return `process ${holder.pid}${holder.host === hostname() ? "" : ` on ${holder.host}`}`;
}

class HeldLock implements Lock {
  readonly #path: string;
  readonly #content: string;

  constructor(path: string, content: string) {
    this.#path = path;
    this.#content = content;
  }

  async release(): Promise<void> {
    const content = await readFile(this.#path, "utf8").catch(() => undefined);
    if (content === this.#content) await unlink(this.#path).catch(() => undefined);
  }
}

/** Creates the file with its content in one step, so that nobody reads a lock that is still empty. */
async function createWhole(path: string, content: string): Promise<boolean> {
  const temporary = join(dirname(path), `.${LOCK_FILE}.${process.pid}-${serial++}.tmp`);
  await writeFile(temporary, content, { flag: "wx" });
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EEXIST") return false;
    // FAT and some network disks know no hard links.
    if (code === "EPERM" || code === "ENOTSUP" || code === "ENOSYS") return await createInTwoSteps(path, content);
    throw error;
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

async function createInTwoSteps(path: string, content: string): Promise<boolean> {
  try {
    await writeFile(path, content, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/**
 * Removes a stale lock. Two processes may see the same one, and whoever comes second must not remove the lock that the
 * first has made meanwhile: only one at a time may remove, and it looks again before it does.
 */
async function takeAway(path: string, stale: string): Promise<void> {
  const turn = `${path}.takeover`;
  try {
    await mkdir(turn);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    // Its maker has it for a millisecond; an old one is from a process that was killed just then.
    const age = Date.now() - ((await stat(turn).catch(() => undefined))?.mtimeMs ?? Date.now());
    if (age > 10_000) await rmdir(turn).catch(() => undefined);
    await sleep(5);
    return;
  }
  try {
    if ((await readFile(path, "utf8").catch(() => undefined)) === stale) await unlink(path);
  } finally {
    await rmdir(turn);
  }
}

function parseHolder(text: string): LockHolder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return undefined;
    const { pid, host, started } = value as Partial<LockHolder>;
    if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 0 || typeof host !== "string") return undefined;
    return { pid, host, started: typeof started === "string" ? started : null };
  } catch {
    return undefined; // not written by this program, or by a power cut: nobody holds it
  }
}

function isAlive(holder: LockHolder): boolean {
  // Another machine's processes cannot be asked, so its lock counts until somebody deletes it.
  if (holder.host !== hostname()) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // there, but somebody else's
  }
  // In a restarted container the same small numbers come again, and often it is this very process.
  const started = startOf(holder.pid);
  return started === null || holder.started === null || started === holder.started;
}

function describeProcess(pid: number): LockHolder {
  return { pid, host: hostname(), started: startOf(pid) };
}

/** Boot and start time of a process, proc(5): fields 3 and 22 of `stat`, counted behind the name in parentheses. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, ticks] = [fields[0], fields[19]];
    if (state === "Z" || state === "X") return "dead"; // killed, and its parent has not asked how it ended
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${ticks}`;
  } catch {
    return null;
  }
}
