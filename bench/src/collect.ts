// Photos collected per second from a server with latency, with every check and hash, and whether memory stays flat.

import { fork } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fail } from "@ballsight/vision";
import { collectDataset, collectSettings } from "./internals.ts";
import { wholeNumber } from "./options.ts";
import { print, type Row, rate, rounded, seconds, tell } from "./output.ts";
import type { PhotoServerData, PhotoServerMessage } from "./photoServer.ts";
import { progressBar } from "./progress.ts";
import { temporaryFolder } from "./temporary.ts";

interface CollectOptions {
  readonly photos: string;
  readonly latency: string;
  readonly parallel: string;
  readonly json?: true;
}

/** With the two downloads per host that are the default, no fewer hosts than keep all downloads busy. */
const HOSTS = 64;

export async function collect(options: CollectOptions): Promise<void> {
  const photos = wholeNumber("photos", options.photos, 10, 1_000_000);
  const latencyMs = wholeNumber("latency", options.latency, 0, 60_000);
  const server = await serve({ photos, latencyMs });
  const folder = temporaryFolder();
  const urls = Array.from({ length: photos }, (_, i) => `http://host${i % HOSTS}.example.org:${server.port}/${i}.jpg`);
  await writeFile(join(folder, "Ball.txt"), urls.join("\n"));
  const settings = await collectSettings({
    out: join(folder, "data"),
    urls: [join(folder, "Ball.txt")],
    perClass: String(photos),
    parallel: options.parallel,
  });

  const progress = progressBar();
  progress.start("Collect");
  const memory: number[] = [];
  const began = performance.now();
  const result = await collectDataset(settings, {
    env: { BALLSIGHT_ALLOW_LOOPBACK: "1" },
    events: {
      say: tell,
      measured: () => undefined,
      progress: (done, total) => {
        progress.update({ done, total });
        if (done % Math.ceil(photos / 100) === 0) memory.push(process.memoryUsage.rss());
      },
    },
    signal: new AbortController().signal,
    rules: { resolve: (_host, _options, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]) },
  });
  const duration = (performance.now() - began) / 1000;
  progress.clear();
  server.close();

  const got = result.classes.reduce((sum, one) => sum + one.added, 0);
  if (got !== photos) fail("INTERNAL", { reason: `${got} of ${photos} photos` });
  // After the first quarter everything that is made once is there.
  const peakOf = (from: number, to: number) =>
    Math.max(...memory.slice(from * memory.length, to * memory.length)) / 1e6;
  const memoryMb = { second_quarter: rounded(peakOf(0.25, 0.5), 0), last_quarter: rounded(peakOf(0.75, 1), 0) };
  const output = {
    photos,
    mean_bytes: Math.round(server.bytes),
    latency_ms: latencyMs,
    parallel: settings.parallel,
    per_host: settings.perHost,
    hosts: HOSTS,
    seconds: rounded(duration, 2),
    photos_per_s: rounded(got / duration, 1),
    rss_peak_mb: memoryMb,
  };
  const rows: Row[] = [
    [
      `${photos} photos of ${Math.round(server.bytes / 1000)} kB, ${latencyMs} ms latency`,
      rate(got / duration),
      seconds(duration),
    ],
    ["peak of memory, second and last quarter", `${memoryMb.second_quarter} MB`, `${memoryMb.last_quarter} MB`],
  ];
  print(output, rows, options.json === true);
}

async function serve(data: PhotoServerData): Promise<{ port: number; bytes: number; close(): void }> {
  const progress = progressBar();
  progress.start("Drawing photos");
  // It ends with the channel, and so with this process.
  const server = fork(fileURLToPath(new URL("photoServer.js", import.meta.url)), [JSON.stringify(data)]);
  try {
    return await new Promise((resolve, reject) => {
      server.on("error", reject).on("exit", (code) => reject(new Error(`the server ended with ${code}`)));
      server.on("message", (message: PhotoServerMessage) => {
        if ("drawn" in message) progress.update({ done: message.drawn, total: data.photos });
        else resolve({ ...message, close: () => server.disconnect() });
      });
    });
  } finally {
    progress.clear();
  }
}
