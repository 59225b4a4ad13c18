// The run directory on a real disk: who may open it, what a failure leaves, who holds the lock.

import { spawn } from "node:child_process";
import { once } from "node:events";
import type { FileHandle } from "node:fs/promises";
import * as fs from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { tryLock } from "../../src/run/lock.ts";
import { openRun, runName } from "../../src/run/runDirectory.ts";
import { writeAtomic } from "../../src/run/writeAtomic.ts";

// Set by a test: a disk that is full after so many bytes, and one that takes only so many at a time.
let roomLeft = Number.POSITIVE_INFINITY;
let atATime = Number.POSITIVE_INFINITY;

vi.mock("node:fs/promises", async (importOriginal) => {
  const real = await importOriginal<typeof fs>();
  const open = async (...args: Parameters<typeof real.open>): Promise<FileHandle> => {
    const handle = await real.open(...args);
    type Write = (bytes: Uint8Array, at: number, length: number, position: number) => Promise<unknown>;
    const write = handle.write.bind(handle) as Write;
    const limited: Write = async (bytes, at, length, position) => {
      const fits = Math.min(length, roomLeft, atATime);
      if (fits === 0) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
      roomLeft -= fits;
      return await write(bytes, at, fits, position);
    };
    return Object.assign(handle, { write: limited });
  };
  return { ...real, open };
});

let dir = "";

beforeEach(async () => {
  roomLeft = Number.POSITIVE_INFINITY;
  atATime = Number.POSITIVE_INFINITY;
  dir = await fs.mkdtemp(join(tmpdir(), "ballsight-run-"));
});
afterEach(() => fs.rm(dir, { recursive: true, force: true }));

describe("writeAtomic", () => {
  it("replaces the file and leaves nothing else", async () => {
    const path = join(dir, "file");
    await writeAtomic(path, "first, and longer");
    await writeAtomic(path, new Uint8Array([104, 105]));
    expect(await fs.readFile(path, "utf8")).toBe("hi");
    expect(await fs.readdir(dir)).toEqual(["file"]);
  });

  it("goes on after a short write", async () => {
    atATime = 3;
    await writeAtomic(join(dir, "file"), "0123456789");
    expect(await fs.readFile(join(dir, "file"), "utf8")).toBe("0123456789");
  });

  it("answers a full disk with DISK_FULL, keeps the old file and leaves no temporary one", async () => {
    const path = join(dir, "file");
    await writeAtomic(path, "old");
    roomLeft = 4;
    await expect(writeAtomic(path, "0123456789")).rejects.toMatchObject({
      code: "DISK_FULL",
      details: { name: path, expected: 10, received: expect.any(Number) },
    });
    expect(await fs.readFile(path, "utf8")).toBe("old");
    expect(await fs.readdir(dir)).toEqual(["file"]);
  });
});

describe("openRun", () => {
  it("makes the folder and its parents, writes and reads", async () => {
    const run = await openRun(join(dir, "runs", "first"));
    await run.writeConfig({ seed: 42 });
    expect(await run.readConfig()).toEqual({ seed: 42 });
    expect(await run.read("model")).toBeUndefined();
    await run.write("model", new Uint8Array([1]));
    await run.close();
    expect((await fs.readdir(run.path)).sort()).toEqual(["config.json", "model.onnx"]);
  });

  it("refuses a run that is there, unless it is continued", async () => {
    const path = join(dir, "run");
    const run = await openRun(path);
    await run.writeConfig({ seed: 1 });
    await run.close();
    await expect(openRun(path)).rejects.toMatchObject({ code: "RUN_EXISTS" });
    const again = await openRun(path, { resume: true });
    expect(await again.readConfig()).toEqual({ seed: 1 });
    await again.close();
  });

  it("makes the same parents side by side", async () => {
    for (let round = 0; round < 20; round++) {
      const paths = Array.from({ length: 4 }, (_, i) => join(dir, `r${round}`, "deep", `run${i}`));
      for (const run of await Promise.all(paths.map((path) => openRun(path)))) await run.close();
    }
  });

  it("takes an empty folder for a new run", async () => {
    await (await openRun(dir)).close();
    expect(await fs.readdir(dir)).toEqual([]);
  });

  it("refuses to continue where nothing is, and makes nothing", async () => {
    const path = join(dir, "nothing");
    await expect(openRun(path, { resume: true })).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    expect(await fs.readdir(dir)).toEqual([]);
  });

  it("takes away what a killed write left, and nothing else", async () => {
    await fs.writeFile(join(dir, "config.json"), "{}");
    await fs.writeFile(join(dir, ".model.onnx.4711-3.tmp"), "half");
    await fs.writeFile(join(dir, "notes.tmp"), "mine");
    const run = await openRun(dir, { resume: true });
    expect((await fs.readdir(dir)).sort()).toEqual(["config.json", "lock", "notes.tmp"]);
    await run.close();
  });

  it("says that it cannot write: under a file, and where the kernel lets nobody", async () => {
    await fs.writeFile(join(dir, "file"), "");
    await expect(openRun(join(dir, "file", "run"))).rejects.toMatchObject({
      code: "RUN_NOT_WRITABLE",
      message: expect.stringContaining("a path that leads through a file"),
    });
    await expect(openRun(join(dir, "file"))).rejects.toMatchObject({ code: "RUN_NOT_WRITABLE" });
    if (process.platform === "linux") {
      await expect(openRun("/proc/ballsight-run")).rejects.toMatchObject({ code: "RUN_NOT_WRITABLE" });
    }
  });

  it("answers a config.json that is none", async () => {
    for (const text of ["{", "[1]", "null"]) {
      await fs.writeFile(join(dir, "config.json"), text);
      const run = await openRun(dir, { resume: true });
      await expect(run.readConfig()).rejects.toMatchObject({ code: "CHECKPOINT_INVALID" });
      await run.close();
    }
  });
});

describe("the lock", () => {
  const lockFile = () => join(dir, "lock");
  const writeLock = (holder: object) => fs.writeFile(lockFile(), JSON.stringify(holder));

  it("keeps a second run out, names the holder, and is given back", async () => {
    const run = await openRun(dir);
    await expect(openRun(dir)).rejects.toMatchObject({
      code: "RUN_NOT_WRITABLE",
      message: expect.stringContaining(`process ${process.pid} trains in`),
    });
    await run.close();
    await run.close();
    expect(await fs.readdir(dir)).toEqual([]);
  });

  it("is respected while its process lives and taken over once it is killed", async () => {
    const script = `import { tryLock } from ${JSON.stringify(new URL("../../dist/run/lock.js", import.meta.url).href)};
      console.log("heldBy" in await tryLock(${JSON.stringify(dir)}) ? "refused" : "locked");
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    expect(String((await once(child.stdout, "data"))[0]).trim()).toBe("locked");
    expect(await tryLock(dir)).toMatchObject({ heldBy: { pid: child.pid, host: hostname() } });
    child.kill("SIGKILL");
    await once(child, "exit");
    const result = await tryLock(dir);
    expect(result).toHaveProperty("lock");
    expect(await fs.readdir(dir)).toEqual(["lock"]);
  });

  it("is taken over from an earlier process with the same number", async () => {
    await writeLock({ pid: process.pid, host: hostname(), started: "another-boot 1" });
    expect(await tryLock(dir)).toHaveProperty("lock");
  });

  it("is taken over when its file is damaged", async () => {
    for (const text of ["", "{", "null", '{"pid":"1"}', '{"pid":-1,"host":"x"}']) {
      await fs.writeFile(lockFile(), text);
      const result = await tryLock(dir);
      if (!("lock" in result)) throw new Error(`held: ${text}`);
      await result.lock.release();
    }
  });

  it("of another machine counts, since its processes cannot be asked", async () => {
    await writeLock({ pid: 1, host: "elsewhere", started: null });
    await expect(openRun(dir)).rejects.toMatchObject({ message: expect.stringContaining("process 1 on elsewhere") });
  });

  it("is taken over although a taker was killed in the act", async () => {
    await writeLock({ pid: process.pid, host: hostname(), started: "another-boot 1" });
    await fs.mkdir(join(dir, "lock.takeover"));
    const old = new Date(Date.now() - 60_000);
    await fs.utimes(join(dir, "lock.takeover"), old, old);
    expect(await tryLock(dir)).toHaveProperty("lock");
    expect(await fs.readdir(dir)).toEqual(["lock"]);
  });

  it("is given back by its holder alone", async () => {
    const result = await tryLock(dir);
    if (!("lock" in result)) throw new Error("held");
    await writeLock({ pid: 1, host: "elsewhere", started: null });
    await result.lock.release();
    expect(await fs.readdir(dir)).toEqual(["lock"]);
  });

  it("goes to one of many who see the same stale lock", async () => {
    for (let round = 0; round < 10; round++) {
      await writeLock({ pid: process.pid, host: hostname(), started: "another-boot 1" });
      const results = await Promise.all(Array.from({ length: 8 }, () => tryLock(dir)));
      expect(results.filter((result) => "lock" in result)).toHaveLength(1);
      expect(await fs.readdir(dir)).toEqual(["lock"]);
    }
  });
});

describe("runName", () => {
  it("is the architecture and the local time", () => {
    expect(runName("mobilenet_v2", new Date(2026, 10, 22, 9, 5, 7))).toBe("mobilenet_v2-20261122-090507");
    expect(runName("../net v2.a", new Date(2026, 0, 2, 3, 4, 5))).toBe("..-net-v2.a-20260102-030405");
  });
});
