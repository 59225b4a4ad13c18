// Downloads of weights from a server on this machine: whole, continued, and every way in which they go wrong.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BallsightError } from "@ballsight/vision";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Progress } from "../../src/output/progress.ts";
import { type DownloadOptions, downloadWeights } from "../../src/weights/download.ts";
import { type FileServer, fileServer } from "../helpers/fileServer.ts";

const FILE = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) >> 5);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex").slice(0, 8);
const ENTRY = { name: "toy.tv_in1k", file: "toy-01234567.pth", sha256: sha256(FILE) };

let server: FileServer;
let folder: string;
const url = () => `${server.url}/${ENTRY.file}`;
const part = () => join(folder, `${ENTRY.file}.part`);
const download = (options?: DownloadOptions, entry = ENTRY) => downloadWeights(entry, url(), folder, options);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-weights-"));
  server = await fileServer(FILE);
});
afterEach(async () => {
  vi.useRealTimers();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

async function refused(running: Promise<string>, code: string, text: string | RegExp): Promise<BallsightError> {
  const error = await running.then(
    (path) => expect.fail(`downloaded ${path}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BallsightError);
  expect(error).toMatchObject({ code, message: expect.stringMatching(text) });
  return error as BallsightError;
}

/** The file under its final name, whole, and nothing beside it. */
async function expectDownloaded(path: string, file = FILE): Promise<void> {
  expect(path).toBe(join(folder, ENTRY.file));
  expect(Buffer.compare(await readFile(path), file)).toBe(0);
  expect(await readdir(folder)).toEqual([ENTRY.file]);
}

describe("a download", () => {
  test("puts the file there, alone and whole, and tells how far it is", async () => {
    const drawn: string[] = [];
    const stream = { isTTY: true, columns: 200, write: (text: string) => drawn.push(text) };
    await expectDownloaded(await download({ progress: new Progress({ stream }) }));
    expect(server.requests).toEqual([{ path: `/models/${ENTRY.file}`, range: undefined, ifRange: undefined }]);
    expect(drawn.join("")).toMatch(
      /Downloading toy-01234567\.pth \(MB\): \|█{30}\| 100\.00% \[0\.3\/0\.3 00:00<00:00\]/,
    );
    expect(drawn.at(-1)).toBe("\r\x1b[K");
  });

  test("makes its folder, and follows to another address", async () => {
    server.answer = (_, response) => {
      server.answer = undefined;
      response.writeHead(302, { location: "/elsewhere" }).end();
    };
    folder = join(folder, "new", "cache");
    await expectDownloaded(await download());
  });

  test("of unknown length", async () => {
    server.answer = (_, response) => response.writeHead(200).end(FILE);
    const drawn: string[] = [];
    const stream = { isTTY: true, columns: 200, write: (text: string) => drawn.push(text) };
    await expectDownloaded(await download({ progress: new Progress({ stream }) }));
    expect(drawn.join("")).toMatch(/Downloading toy-01234567\.pth \(MB\): \|-{30}\| \[0\.\d 00:00\]/);
  });

  test("two at once: one downloads, the other takes what it got", async () => {
    const said: string[] = [];
    const say = (line: string) => void said.push(line);
    const paths = await Promise.all([download({ say }), download({ say })]);
    for (const path of paths) await expectDownloaded(path);
    expect(server.requests).toHaveLength(1);
    expect(said).toEqual([`waiting for process ${process.pid}, which downloads into ${folder}`]);
  });

  test("is not begun where the file is", async () => {
    await writeFile(join(folder, ENTRY.file), FILE);
    await expectDownloaded(await download());
    expect(server.requests).toEqual([]);
  });
});

describe("half a file", () => {
  const cut = async (after = 100_000) => {
    server.cutAfter = after;
    const error = await refused(
      download(),
      "WEIGHTS_DOWNLOAD",
      /received 0\.\d of 0\.3 MB and no more \(.+\), which are kept;/,
    );
    expect(error.message).toContain(`from ${url()} but`);
    expect(error.message).toContain(`put the file at ${join(folder, ENTRY.file)}`);
    server.cutAfter = Number.POSITIVE_INFINITY;
    server.requests.length = 0;
    return await readFile(part());
  };

  test("is kept as .part, and continued from there", async () => {
    const { length } = await cut();
    expect(length).toBeGreaterThan(0);
    expect(await readdir(folder)).not.toContain(ENTRY.file);
    await expectDownloaded(await download());
    expect(server.requests).toEqual([{ path: `/models/${ENTRY.file}`, range: `bytes=${length}-`, ifRange: '"one"' }]);
  });

  test("is continued as often as it breaks off", async () => {
    const sizes = [];
    for (let i = 0; i < 3; i++) sizes.push((await cut(60_000)).length);
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    expect(new Set(sizes).size).toBe(3);
    await expectDownloaded(await download());
  });

  test("of a file that has changed on the server is left, and the new one fetched whole", async () => {
    await cut();
    server.file = FILE.map((byte) => byte ^ 1);
    server.headers = { etag: '"two"' };
    const entry = { ...ENTRY, sha256: sha256(server.file) };
    await expectDownloaded(await download({}, entry), server.file);
    expect(server.requests).toHaveLength(1);
  });

  test.each([
    ["a date", { "last-modified": "Wed, 21 Oct 2015 07:28:00 GMT" }, "bytes="],
    ["a weak tag, which promises no bytes", { etag: 'W/"one"' }, undefined],
    ["nothing", {}, undefined],
  ])("where the server marks its file by %s", async (_, headers, range) => {
    server.headers = headers;
    await cut();
    await expectDownloaded(await download());
    expect(server.requests.map((request) => request.range?.slice(0, 6))).toEqual([range]);
  });

  test("of another address is not continued", async () => {
    await cut();
    const path = await downloadWeights(ENTRY, `${url()}?mirror`, folder);
    await expectDownloaded(path);
    expect(server.requests[0]?.range).toBeUndefined();
  });

  test("that was in truth the whole, but for its name", async () => {
    await cut();
    await writeFile(part(), FILE);
    await expectDownloaded(await download());
    expect(server.requests).toHaveLength(1);
  });

  test("that is longer than the file, or answered from another place: from the start, once", async () => {
    await cut();
    await writeFile(part(), Buffer.concat([FILE, FILE]));
    await expectDownloaded(await download());
    expect(server.requests.map(({ range }) => range)).toEqual(["bytes=600000-", undefined]);

    await rm(join(folder, ENTRY.file));
    await cut();
    server.answer = (request, response) => {
      if (request.headers.range === undefined) response.writeHead(200).end(FILE);
      else response.writeHead(206, { "content-range": `bytes 5-9/${FILE.length}` }).end("12345");
    };
    await expectDownloaded(await download());
  });

  test("that was spoilt on the disk: the hash tells, and the next download begins anew", async () => {
    const bytes = await cut();
    await writeFile(part(), bytes.fill(0));
    await refused(download(), "WEIGHTS_HASH", "toy.tv_in1k");
    expect(await readdir(folder)).toEqual([]);
    await expectDownloaded(await download());
  });

  test("that a server ends too early without a word", async () => {
    server.answer = (_, response) => response.writeHead(200).end(FILE.subarray(0, 1000));
    const text = `starts with ${ENTRY.sha256} for \`toy.tv_in1k\` but received ${sha256(FILE.subarray(0, 1000))}...`;
    await refused(download(), "WEIGHTS_HASH", text.replaceAll(".", "\\."));
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("refused in one line, with address and place, and nothing left behind", () => {
  test.each([
    ["no such file", 404, "HTTP 404 Not Found"],
    ["not allowed", 403, "HTTP 403 Forbidden"],
    ["a server in trouble", 503, "HTTP 503 Service Unavailable"],
  ])("%s", async (_, status, received) => {
    server.answer = (_, response) => response.writeHead(status).end("no");
    const error = await refused(download(), "WEIGHTS_DOWNLOAD", received);
    expect(error.message).toBe(
      `expected the weights of \`toy.tv_in1k\` from ${url()} but received ${received}; try again, or put the file at ${join(folder, ENTRY.file)}`,
    );
    expect(await readdir(folder)).toEqual([]);
  });

  test("a web page, by its type or by its look", async () => {
    const page = "<!DOCTYPE html><title>Sign in to the hotel's network</title>";
    server.answer = (_, response) => response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page);
    await refused(download(), "WEIGHTS_DOWNLOAD", "received a web page;");
    expect(await readdir(folder)).toEqual([]);
    server.answer = (_, response) => response.writeHead(200, { "content-type": "application/octet-stream" }).end(page);
    await refused(download(), "WEIGHTS_DOWNLOAD", "received a web page;");
    expect(await readdir(folder)).toEqual([]);
    server.answer = undefined;
    await expectDownloaded(await download());
  });

  test("another file than the registry's", async () => {
    server.file = FILE.map((byte) => byte + 1);
    await refused(download(), "WEIGHTS_HASH", /it was left out, get it again from http:/);
    expect(await readdir(folder)).toEqual([]);
  });

  test("no network", async () => {
    const gone = url();
    await server.close();
    const error = await refused(
      downloadWeights(ENTRY, gone, folder),
      "WEIGHTS_DOWNLOAD",
      /received no answer \(ECONNREFUSED\);/,
    );
    expect(error.message).toContain(gone);
    expect(await readdir(folder)).toEqual([]);
    server = await fileServer(FILE);
  });

  test("a server that says nothing, or stops in the middle", async () => {
    // The minute passes once all that will come has come.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const stalled = async (seen: () => boolean, text: RegExp) => {
      const running = refused(download(), "WEIGHTS_DOWNLOAD", text);
      while (!seen()) await new Promise((resolve) => setImmediate(resolve));
      vi.advanceTimersByTime(60_000);
      await running;
    };
    server.answer = () => undefined;
    await stalled(() => server.requests.length > 0, /no answer \(nothing came for 60 s\)/);
    server.answer = (_, response) => {
      response.writeHead(200, { ...server.headers, "content-length": FILE.length });
      response.write(FILE.subarray(0, 200_000));
    };
    const isThere = () => (statSync(part(), { throwIfNoEntry: false })?.size ?? 0) === 200_000;
    await stalled(isThere, /0\.2 of 0\.3 MB and no more \(nothing came/);
    vi.useRealTimers();
    server.answer = undefined;
    server.requests.length = 0;
    await expectDownloaded(await download());
    expect(server.requests[0]?.range).toBe("bytes=200000-");
  });

  test("a folder that cannot be made, and one that another machine downloads into", async () => {
    await writeFile(join(folder, "file"), "");
    const under = downloadWeights(ENTRY, url(), join(folder, "file", "cache"));
    await refused(under, "WEIGHTS_NOT_WRITABLE", "cache \\(ENOTDIR\\); name another in BALLSIGHT_WEIGHTS");
    await writeFile(join(folder, "lock"), JSON.stringify({ pid: 1, host: "elsewhere.example", started: null }));
    await refused(download(), "WEIGHTS_DOWNLOAD", /process 1 on elsewhere\.example downloads into/);
    expect(server.requests).toEqual([]);
  });

  test("a full disk: before a byte is fetched where the length is known, else with everything given back", async ({
    skip,
  }) => {
    const disk = join(folder, "disk");
    await mkdir(disk);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=128k", "tmpfs", disk], { stdio: "ignore" });
    } catch {
      skip("a small disk can be mounted by root only");
    }
    try {
      await refused(downloadWeights(ENTRY, url(), disk), "DISK_FULL", `expected ${FILE.length} bytes free for`);
      server.answer = (_, response) => response.writeHead(200).end(FILE);
      await refused(downloadWeights(ENTRY, url(), disk), "DISK_FULL", "toy-01234567.pth.part");
      expect(await readdir(disk)).toEqual([]);
    } finally {
      execFileSync("umount", [disk]);
    }
  });
});
