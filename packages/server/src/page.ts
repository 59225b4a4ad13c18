// The page at /: files of one folder, listed once at the start, so that no path of a request ever reaches the disk.

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import { promisify } from "node:util";
import { gzip as gzipCallback } from "node:zlib";
import { bytesBody } from "./http/bytes.ts";
import type { App } from "./http/route.ts";
import type { ServerContext } from "./http/services.ts";

interface PageFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly etag: string;
  readonly cache: string;
  /** Whether gzip makes it smaller. */
  readonly packs: boolean;
  packed?: Promise<Uint8Array<ArrayBuffer>>;
}

const gzip = promisify(gzipCallback);

/** Below this the headers are the larger part. */
const PACK_FROM = 1024;

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".webp": "image/webp",
  ".ico": "image/x-icon",
  ".wasm": "application/wasm",
  ".onnx": "application/octet-stream",
  ".txt": "text/plain; charset=utf-8",
};

/** Scripts and workers of this server, WebAssembly for predictions in the browser; frames where Spaces show their apps. */
const PAGE_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "connect-src 'self' blob: data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'self' https://huggingface.co https://*.hf.space",
].join("; ");

/** Vite puts a hash of the content into the names of what it builds. */
const HASHED = /[.-][\w-]{8,}\.\w+$/;

const NO_PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Ballsight</title>
<p>Ballsight runs here. There is no page; <a href="docs">the API</a> is what this server has.</p>`;

/** @param folder of a built page; undefined for none */
export async function pageRoutes(app: App, folder: string | undefined): Promise<void> {
  const files = folder === undefined ? new Map<string, PageFile>() : await readPage(folder);
  if (!files.has("/index.html")) {
    app.get("/", (c) =>
      c.html(NO_PAGE, 200, { "content-security-policy": "default-src 'none'; frame-ancestors 'none'" }),
    );
  }
  for (const [path, file] of files) {
    app.get(path === "/index.html" ? "/" : path, (c) => serve(c, file));
    if (path === "/index.html") app.get(path, (c) => serve(c, file));
  }
}

async function readPage(folder: string): Promise<Map<string, PageFile>> {
  const files = new Map<string, PageFile>();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length).split(sep).join("/");
    const bytes = new Uint8Array(await readFile(path));
    const type = TYPES[extname(entry.name).toLowerCase()] ?? "application/octet-stream";
    files.set(name.startsWith("/") ? name : `/${name}`, {
      bytes,
      type,
      packs: bytes.byteLength >= PACK_FROM && /^text\/|json$|svg|wasm$/.test(type),
      etag: `"${createHash("sha256").update(bytes).digest("base64url")}"`,
      cache: name.includes("/assets/") && HASHED.test(name) ? "public, max-age=31536000, immutable" : "no-cache",
    });
  }
  return files;
}

async function serve(c: ServerContext, file: PageFile): Promise<Response> {
  c.set("route", "page");
  const packs = file.packs && /\bgzip\b/.test(c.req.header("accept-encoding") ?? "");
  const etag = packs ? file.etag.replace(/"$/, '-gzip"') : file.etag;
  const headers = {
    etag,
    vary: "accept-encoding",
    "content-type": file.type,
    "cache-control": file.cache,
    ...(/^text\/(?:html|javascript)/.test(file.type) && { "content-security-policy": PAGE_POLICY }),
  };
  if (c.req.header("if-none-match")?.includes(etag)) return c.body(null, 304, headers);
  const bytes = packs ? await packed(file) : file.bytes;
  const length = { "content-length": String(bytes.byteLength) };
  return c.body(bytesBody(bytes), 200, { ...headers, ...length, ...(packs && { "content-encoding": "gzip" }) });
}

/** Once for each file, at its first request: the WebAssembly runtime is 14 MB, and 4 packed. */
function packed(file: PageFile): Promise<Uint8Array<ArrayBuffer>> {
  file.packed ??= gzip(file.bytes).then((bytes) => new Uint8Array(bytes));
  return file.packed;
}
