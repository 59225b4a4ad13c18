// `ballsight serve`: the recogniser behind HTTP, until a signal ends it.

import { watchFile } from "node:fs";
import { type RunningServer, startServer } from "@ballsight/server";
import { pageFolder } from "@ballsight/web";
import { defaultModelPath, readModelFile } from "../model/load.ts";
import { errorLine } from "../output/errors.ts";
import { type ServeFlags, serverOptions } from "../serve/options.ts";

/** Between two looks at the model file: a change is there within seconds, on network file systems too. */
const WATCH_MS = 2000;

/** Returns the exit code once the server has stopped. Throws on options, models and ports (exit code 2). */
export async function serve(flags: ServeFlags): Promise<number> {
  const path = flags.model ?? defaultModelPath();
  // Before the model is loaded: as process 1 of a container nothing else hears signals.
  const stopped = stopSignal();
  let server: RunningServer | undefined;
  const reload = () => {
    if (server !== undefined) void reloadModel(server, path);
  };
  process.on("SIGHUP", reload);
  server = await startServer({
    ...serverOptions(flags),
    model: { name: path, read: () => readModelFile(path) },
    page: pageFolder("recognizer"),
  });
  const { labels } = server.model;
  process.stdout.write(
    flags.json
      ? `${JSON.stringify({ url: server.url, labels })}\n`
      : `Ballsight knows ${labels.length} labels and listens on ${addressOf(server.url)} (API: /docs). Ctrl+C stops it.\n`,
  );
  // Not fs.watch: editors and `cp` write a file in pieces or put another in its place.
  if (flags.watch !== false) watchFile(path, { interval: WATCH_MS, persistent: false }, reload);
  await stopped;
  process.stderr.write("ballsight: answering what was asked, then stopping\n");
  await server.close();
  if (server.stuckThreads > 0) killSelf();
  return 0;
}

/** `0.0.0.0` stands for every network of this machine: no browser opens it. */
function addressOf(url: string): string {
  const { hostname, port } = new URL(url);
  return hostname === "0.0.0.0" || hostname === "[::]" ? `${url}, here http://localhost:${port}` : url;
}

async function reloadModel(server: RunningServer, path: string): Promise<void> {
  const before = server.model.sha256;
  try {
    const { sha256 } = await server.reload();
    if (sha256 !== before) process.stderr.write(`ballsight: ${path} was loaded anew\n`);
  } catch (error) {
    process.stderr.write(`${errorLine(error)}; the model of before goes on\n`);
  }
}

/** The second signal ends the program at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        process.once(signal, killSelf);
        resolve();
      });
    }
  });
}

/** `process.exit` waits for worker threads, and those in a native call do not come. */
function killSelf(): void {
  process.kill(process.pid, "SIGKILL");
}
