// How much JavaScript a page has loaded.

import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { BUILT } from "./pageServer.ts";

/** What a page and its worker may load besides the runtime, bytes when gzipped. */
export const MOST_SCRIPT = 50_000;

/** ONNX Runtime's own script, which comes with the wasm. */
const RUNTIME = /^ort\./;

/** Counts from now on; the result is of what was asked for so far, whenever the runtime came. */
export function scriptsOf(page: Page): () => Promise<number> {
  const names = new Set<string>();
  page.on("request", (request) => {
    const name = basename(new URL(request.url()).pathname);
    if (name.endsWith(".js") && !RUNTIME.test(name)) names.add(name);
  });
  return async () => {
    const files = await Promise.all([...names].map((name) => readFile(`${BUILT}assets/${name}`)));
    return files.reduce((sum, file) => sum + gzipSync(file).length, 0);
  };
}
