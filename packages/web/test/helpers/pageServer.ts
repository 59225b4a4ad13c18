// A host of files as GitHub Pages is one: no special headers, everything below a sub-path.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import type { SiteConfig } from "../../src/recognizer/siteConfig.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
  ".json": "application/json",
  ".jpg": "image/jpeg",
};

export const BUILT = new URL("../../dist/pages/recognizer/", import.meta.url).pathname;
export const MODEL = new URL("../../../../models/sports-balls.onnx", import.meta.url).pathname;
const PREFIX = "/some/repo/";

export interface PageHost {
  /** Of the page, with a slash at the end. */
  readonly url: string;
  /** Whether a file, by its path, is asked for in vain: no answer and no error, as in a hotel's network. */
  silent: (name: string) => boolean;
  close(): Promise<void>;
}

export interface PageOptions {
  readonly config?: Partial<SiteConfig>;
  /** Instead of the shipped model. */
  readonly model?: Uint8Array;
  /** More files, or others, by their paths. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Origins that the page may call. */
  readonly calls?: readonly string[];
  /** Another folder than the built page, as it is. */
  readonly folder?: string;
}

/** The built page with the shipped model; no API unless `config` names one. */
export async function hostPage(options: PageOptions = {}): Promise<PageHost> {
  const { config, files = {}, calls = [], model, folder } = options;
  const content = async (name: string): Promise<string | Uint8Array> => {
    const other = files[name];
    if (other !== undefined) return other;
    if (folder !== undefined) return readFile(join(folder, name));
    if (name === "model.onnx") return model ?? readFile(MODEL);
    const built = await readFile(join(BUILT, name));
    if (name === "ballsight.json")
      return JSON.stringify({ ...JSON.parse(built.toString()), api: null, models: null, ...config });
    if (name === "index.html")
      return built.toString().replace("connect-src 'self'", `connect-src 'self' ${calls.join(" ")}`);
    return built;
  };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const name = pathname.startsWith(PREFIX) ? pathname.slice(PREFIX.length) || "index.html" : "";
    if (host.silent(name)) return;
    try {
      const body = await content(name);
      response.writeHead(200, { "content-type": TYPES[extname(name)] ?? "application/octet-stream" }).end(body);
    } catch {
      response.writeHead(404, { "content-type": "text/html" }).end("<!doctype html>not found");
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host: PageHost = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${PREFIX}`,
    silent: () => false,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return host;
}
