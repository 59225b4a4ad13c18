// `bench serve`: answers per second and how long each takes, closed and open loop, beside the bare session and a PyTorch server on the same photos.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { copyFile, readFile, rename, writeFile } from "node:fs/promises";
import { Agent, type IncomingMessage, request } from "node:http";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fail, Recognizer } from "@ballsight/vision";
import autocannon from "autocannon";
import * as runtime from "onnxruntime-node";
import { decode, defaultModelPath, listPhotos } from "./internals.ts";
import { inRepository, PROGRAM, wholeNumber } from "./options.ts";
import { milliseconds, print, type Row, rate, rounded, tell, times } from "./output.ts";
import { findPeer } from "./peer.ts";
import { ProgramFailed } from "./processes.ts";
import { percentile } from "./stats.ts";
import { temporaryFolder } from "./temporary.ts";

/** As commander hands them over. */
export interface ServeOptions {
  readonly model?: string;
  readonly folder?: string;
  readonly photos: string;
  readonly seconds: string;
  readonly overload?: string;
  readonly disturb?: true;
  readonly clients: readonly string[];
  readonly peer?: true;
  readonly json?: true;
}

/** Open loop: shares of the most that the closed loop reached. The last asks for more than can be answered. */
const OPEN_SHARES = [0.5, 2] as const;
/** Requests that an open loop may have under way: beyond the server's queue, so that refusals are seen. */
const OPEN_CONNECTIONS = 128;
const WARM_UP_SECONDS = 2;
const TIMEOUT_SECONDS = 60;
const QUARTERS = 4;
const RELOAD_MS = 2000;
/** A `doc_string` of one letter behind a model file (onnx.proto, field 6): another file of the same model. */
const REMARK = Uint8Array.of(0x32, 1, 0x61);

interface Measured {
  readonly loop: "closed" | "open";
  readonly clients: number;
  /** Requests that were to be made each second; open loop. */
  readonly asked_per_s?: number;
  readonly answered_per_s: number;
  readonly refused: number;
  readonly failed: number;
  readonly disturbance?: Disturbance;
  /** New model files that the server took. */
  readonly reloads?: number;
  /** Of a server that is told to end: requests that found its port closed. */
  readonly closed?: number;
  readonly p50_ms: number;
  readonly p95_ms: number;
  readonly p99_ms: number;
  /** Resident, at the end of each quarter of the time. */
  readonly memory_mb: readonly number[];
}

/** What came of the requests of one measurement. */
interface Outcome {
  /** Milliseconds that each answer took; open loop: since the moment that it was planned for, whatever held it up. */
  readonly answered: number[];
  refused: number;
  failed: number;
  closed: number;
}

/** What happens to a server while it is asked. */
type Disturbance = "reloads" | "end";

interface Running {
  readonly url: string;
  readonly child: ChildProcess;
}

export async function serve(options: ServeOptions): Promise<void> {
  const model = options.model ?? defaultModelPath();
  const seconds = wholeNumber("seconds", options.seconds, 1, 3600);
  const overload = options.overload === undefined ? seconds : wholeNumber("overload", options.overload, 1, 3600);
  const clients = options.clients.map((text) => wholeNumber("clients", text, 1, 1000));
  const photos = await readPhotos(
    options.folder ?? inRepository("docs/examples"),
    wholeNumber("photos", options.photos, 1, 10_000),
  );
  const cores = availableParallelism();

  tell(`${photos.length} photos, ${cores} cores`);
  const bare = await bareRate(model, photos, seconds);
  // A copy: it is written anew where the server is to load it again.
  const served = join(temporaryFolder(), "served.onnx");
  await copyFile(model, served);
  const args = ["serve", "--port", "0", "--json", "--model", served, "--no-watch"];
  const server = await start(process.execPath, [PROGRAM, ...args]);
  const disturb = options.disturb ? served : undefined;
  const own = await measureAll(server, "/v1/predict", photos, clients, { seconds, overload, disturb });
  const peer = options.peer
    ? await measurePeer(model, photos, clients, { seconds, overload: seconds })
    : "not asked for";

  const best = Math.max(...own.filter(({ loop }) => loop === "closed").map(({ answered_per_s }) => answered_per_s));
  const result = {
    photos: photos.length,
    cores,
    seconds,
    bare_per_s_and_core: rounded(bare, 1),
    share_of_bare: rounded(best / cores / bare, 3),
    ballsight: own,
    peer,
  };
  const rows: Row[] = [
    [`${photos.length} photos, ${cores} cores`, "answered", "p50", "p95", "p99", "refused", "failed", "memory"],
    ["bare session, one core", rate(bare)],
    ...own.map((one) => rowOf("ballsight", one)),
    ...(typeof peer === "string" ? [[`PyTorch: ${peer}`] as const] : peer.map((one) => rowOf("PyTorch", one))),
    ["best closed loop per core, of the bare session", times(best / cores / bare)],
  ];
  print(result, rows, options.json === true);
}

async function readPhotos(folder: string, most: number): Promise<Buffer[]> {
  const entries = (await listPhotos([folder])).filter(({ error }) => error === undefined);
  if (entries.length === 0) fail("NO_PHOTOS", { name: folder });
  // Evenly spread over the folder, so over its classes.
  const step = Math.max(1, entries.length / most);
  const chosen = Array.from({ length: Math.min(most, entries.length) }, (_, i) => entries[Math.floor(i * step)]!);
  return Promise.all(chosen.map(({ file }) => readFile(file)));
}

/** Photos decoded and answered per second by one session on one core, one after the other, without any server. */
async function bareRate(model: string, photos: readonly Buffer[], seconds: number): Promise<number> {
  const recognizer = await Recognizer.load(runtime, await readFile(model), {
    name: model,
    session: { graphOptimizationLevel: "all", logSeverityLevel: 3, intraOpNumThreads: 1 },
  });
  const answer = async (i: number) => recognizer.predict([await decode(photos[i % photos.length]!, "photo")]);
  for (let i = 0; i < photos.length; i++) await answer(i);
  const began = performance.now();
  let done = 0;
  while (performance.now() - began < seconds * 1000) await answer(done++);
  const perSecond = (1000 * done) / (performance.now() - began);
  await recognizer.release();
  return perSecond;
}

/** A server that prints one JSON line with its `url` once it listens. */
async function start(command: string, args: readonly string[]): Promise<Running> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  process.once("exit", () => child.kill());
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const line = once(createInterface({ input: child.stdout }), "line").then(([text]) => String(text));
  const ended = once(child, "exit").then(([code]) => {
    throw new ProgramFailed(`${command} ${args[0]}`, { code: code as number | null, stdout: "", stderr, seconds: 0 });
  });
  ended.catch(() => undefined);
  const { url } = JSON.parse(await Promise.race([line, ended])) as { url: string };
  return { url, child };
}

async function stop({ child }: Running): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill();
  await ended;
}

/** Seconds of each measurement, and of the one at twice the capacity. */
interface Durations {
  readonly seconds: number;
  readonly overload: number;
  /** The served model's file: measure twice the capacity again, with another one in its place every two seconds, and with a SIGTERM in the middle. */
  readonly disturb?: string | undefined;
}

async function measurePeer(model: string, photos: readonly Buffer[], clients: readonly number[], durations: Durations) {
  const peer = await findPeer("torch_server.py", inRepository("bench/peer"));
  if ("skipped" in peer) return peer.skipped;
  const { size, resize } = await preprocessOf(model);
  const args = [peer.script, "--size", String(size), "--resize", String(resize)];
  return measureAll(await start(peer.python, args), "/predict", photos, clients, durations);
}

async function preprocessOf(model: string) {
  const recognizer = await Recognizer.load(runtime, await readFile(model), { name: model });
  await recognizer.release();
  return recognizer.preprocess;
}

async function measureAll(
  server: Running,
  path: string,
  photos: readonly Buffer[],
  clients: readonly number[],
  { seconds, overload, disturb }: Durations,
): Promise<Measured[]> {
  const load = (connections: number, duration: number, perSecond?: number, disturbance?: Disturbance) =>
    measure(server, path, photos, connections, duration, perSecond, disturbance);
  const perSecondAt = (share: number, capacity: number) => Math.max(1, Math.round(share * capacity));
  await load(4, WARM_UP_SECONDS);
  const all: Measured[] = [];
  for (const count of clients) all.push(await load(count, seconds));
  const capacity = Math.max(...all.map(({ answered_per_s }) => answered_per_s));
  for (const share of OPEN_SHARES)
    all.push(await load(OPEN_CONNECTIONS, share > 1 ? overload : seconds, perSecondAt(share, capacity)));
  if (disturb !== undefined) {
    const perSecond = perSecondAt(2, capacity);
    const stopReloads = reloadOften(server, disturb);
    const reloaded = await load(OPEN_CONNECTIONS, seconds, perSecond, "reloads");
    all.push({ ...reloaded, reloads: await stopReloads() });
    all.push(await load(OPEN_CONNECTIONS, seconds, perSecond, "end"));
  }
  await stop(server);
  return all;
}

async function measure(
  { url, child }: Running,
  path: string,
  photos: readonly Buffer[],
  connections: number,
  duration: number,
  perSecond: number | undefined,
  disturbance: Disturbance | undefined,
): Promise<Measured> {
  tell(`${url}${path}: ${perSecond === undefined ? `${connections} clients` : `${perSecond} requests a second`}`);
  const outcome: Outcome = { answered: [], refused: 0, failed: 0, closed: 0 };
  const { answered } = outcome;
  const memory: number[] = [];
  const sample = () => memory.push(rounded(residentBytes(child.pid) / 1e6, 0));
  const quarters = setInterval(() => memory.length < QUARTERS - 1 && sample(), (duration * 1000) / QUARTERS);
  const end = disturbance === "end" ? setTimeout(() => child.kill("SIGTERM"), (duration * 1000) / 2) : undefined;
  if (perSecond === undefined) await closedLoop(outcome, `${url}${path}`, photos, connections, duration);
  else await openLoop(outcome, `${url}${path}`, photos, connections, duration, perSecond);
  clearInterval(quarters);
  clearTimeout(end);
  sample();
  // A short run of a slow server may see no answer at all.
  const at = (share: number) => (answered.length === 0 ? 0 : rounded(percentile(answered, share), 1));
  return {
    loop: perSecond === undefined ? "closed" : "open",
    clients: connections,
    ...(perSecond !== undefined && { asked_per_s: perSecond }),
    answered_per_s: rounded(answered.length / duration, 1),
    refused: outcome.refused,
    failed: outcome.failed + (disturbance === "end" ? 0 : outcome.closed),
    ...(disturbance !== undefined && { disturbance }),
    ...(disturbance === "end" && { closed: outcome.closed }),
    p50_ms: at(0.5),
    p95_ms: at(0.95),
    p99_ms: at(0.99),
    memory_mb: memory,
  };
}

/** Puts another file of the model in its place every so often and says so, until told to stop; then: how many the server took. */
function reloadOften({ url, child }: Running, file: string): () => Promise<number> {
  const seen = new Set<string>();
  let written = 0;
  let isRunning = true;
  const shown = async () => {
    const { models } = (await (await fetch(`${url}/v1/models`)).json()) as { models: { sha256: string }[] };
    seen.add(models[0]!.sha256);
  };
  const work = async () => {
    let bytes = await readFile(file);
    await shown();
    while (isRunning) {
      bytes = Buffer.concat([bytes, REMARK]);
      await writeFile(`${file}.new`, bytes);
      await rename(`${file}.new`, file);
      child.kill("SIGHUP");
      written += 1;
      await sleep(RELOAD_MS);
      await shown();
    }
    tell(`${written} model files written`);
    return seen.size - 1;
  };
  const done = work();
  return () => {
    isRunning = false;
    return done;
  };
}

/** Each client asks again when it has its answer. */
async function closedLoop(
  outcome: Outcome,
  url: string,
  photos: readonly Buffer[],
  connections: number,
  duration: number,
): Promise<void> {
  const { errors } = await autocannon({
    url,
    connections,
    duration,
    timeout: TIMEOUT_SECONDS,
    requests: photos.map((body) => ({ method: "POST" as const, headers: { "content-type": "image/jpeg" }, body })),
    // autocannon's own histogram counts refusals as answers, which they are the quicker for.
    setupClient: (client) =>
      client.on("response", (status, _bytes, ms) => {
        if (status === 200) outcome.answered.push(ms);
        else outcome.refused += 1;
      }),
  });
  outcome.failed = errors;
}

/**
 * Requests at planned moments, whether those before them were answered or not. One that has to wait for a connection waits on its own
 * account: autocannon would leave that time out (coordinated omission).
 */
async function openLoop(
  outcome: Outcome,
  url: string,
  photos: readonly Buffer[],
  connections: number,
  duration: number,
  perSecond: number,
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const ask = async (body: Buffer, planned: number) => {
    const headers = { "content-type": "image/jpeg", "content-length": body.length };
    const outgoing = request(url, { method: "POST", agent, headers, timeout: TIMEOUT_SECONDS * 1000 });
    outgoing.on("timeout", () => outgoing.destroy(new Error("timeout")));
    outgoing.end(body);
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    for await (const _ of response);
    if (response.statusCode === 200) outcome.answered.push(performance.now() - planned);
    else outcome.refused += 1;
  };
  const all: Promise<void>[] = [];
  const began = performance.now();
  for (let i = 0; i < perSecond * duration; i++) {
    const planned = began + (1000 * i) / perSecond;
    const early = planned - performance.now();
    if (early > 0) await sleep(early);
    const asked = ask(photos[i % photos.length]!, planned).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED") outcome.closed += 1;
      else outcome.failed += 1;
    });
    all.push(asked);
  }
  await Promise.all(all);
  agent.destroy();
}

/** proc(5); 0 where there is no such thing. */
function residentBytes(pid: number | undefined): number {
  try {
    return 1024 * Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function rowOf(name: string, one: Measured): Row {
  const load = one.asked_per_s === undefined ? `${one.clients} clients` : `${one.asked_per_s} a second asked for`;
  const disturbance = { reloads: `, ${one.reloads} models loaded`, end: ", SIGTERM in the middle" };
  return [
    `${name}, ${load}${one.disturbance === undefined ? "" : disturbance[one.disturbance]}`,
    rate(one.answered_per_s),
    milliseconds(one.p50_ms),
    milliseconds(one.p95_ms),
    milliseconds(one.p99_ms),
    String(one.refused),
    one.closed === undefined ? String(one.failed) : `${one.failed}, ${one.closed} found the port closed`,
    `${one.memory_mb.join(", ")} MB`,
  ];
}
