// The service worker: after the first visit the page, the runtime and the model are on the device, and the page opens without a network.

import type { KeepRequest } from "./request.ts";

declare const self: ServiceWorkerGlobalScope;

// Pages of one origin share their caches: two projects on GitHub Pages must not clear each other's.
const CACHE = `ballsight ${self.registration.scope}`;

self.addEventListener("install", () => void self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", (event: ExtendableMessageEvent) => {
  const { urls } = event.data as KeepRequest;
  const [port] = event.ports;
  event.waitUntil(
    keep(urls).then(
      () => port?.postMessage({ kept: true }),
      (error: unknown) => port?.postMessage({ kept: false, reason: String(error) }),
    ),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || !request.url.startsWith(self.registration.scope)) return;
  const path = url.href.slice(self.registration.scope.length).replace(/[?#].*$/, "");
  // The API's own addresses, streams among them, are none of ours.
  if (request.mode !== "navigate" && !/^(assets\/|examples\/|[\w-]+\.(json|onnx|css|svg|png)$|v1\/models$)/.test(path))
    return;
  event.respondWith(isFixed(url) ? cacheFirst(request) : networkFirst(request));
});

/** What never changes under its address: names with a hash in them, models with theirs behind. */
const isFixed = (url: URL) => url.pathname.includes("/assets/") || url.searchParams.has("v");

async function cacheFirst(request: Request): Promise<Response> {
  return (await (await caches.open(CACHE)).match(request)) ?? fetch(request);
}

/** Some networks neither answer nor fail (portals of hotels and trains): after so long what is kept is taken, milliseconds. */
const PATIENCE_MS = 3000;

/** And for so long after that it is taken at once: a page asks for several files, one after the other. */
const SILENCE_MS = 30_000;
let silentSince = Number.NEGATIVE_INFINITY;

async function networkFirst(request: Request): Promise<Response> {
  const network = fetch(request).then(
    (response) => {
      silentSince = Number.NEGATIVE_INFINITY;
      // A host whose server is away answers too.
      return { response, isGood: response.status < 500 };
    },
    (failure: unknown) => ({ failure, isGood: false }),
  );
  const isSilent = performance.now() - silentSince < SILENCE_MS;
  const first = await Promise.race([network, later(isSilent ? 0 : PATIENCE_MS)]);
  if (first?.isGood && "response" in first) return first.response;
  if (first === undefined && !isSilent) silentSince = performance.now();
  const kept = await known(request.url);
  if (kept !== undefined) return kept;
  const outcome = await network;
  if ("response" in outcome) return outcome.response;
  throw outcome.failure;
}

const later = (milliseconds: number) => new Promise<undefined>((resolve) => setTimeout(resolve, milliseconds));

/** Folders stand for their index.html, and GitHub Pages leaves ".html" away. */
async function known(address: string): Promise<Response | undefined> {
  const cache = await caches.open(CACHE);
  const bare = address.replace(/[?#].*$/, "");
  for (const url of [bare, `${bare}index.html`, `${bare}.html`]) {
    const response = await cache.match(url, { ignoreSearch: true });
    if (response !== undefined) return response;
  }
  return undefined;
}

/** Brings the cache to hold exactly `urls`, absolute. A part that fails leaves the rest as it was. */
async function keep(urls: readonly string[]): Promise<void> {
  const cache = await caches.open(CACHE);
  for (const url of urls) {
    if (isFixed(new URL(url)) && (await cache.match(url)) !== undefined) continue;
    const response = await fetch(url, { cache: "no-cache" });
    if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
    // A navigation refuses an answer that was redirected.
    const { status, headers } = response;
    await cache.put(url, response.redirected ? new Response(await response.blob(), { status, headers }) : response);
  }
  const wanted = new Set(urls);
  for (const { url } of await cache.keys()) if (!wanted.has(url)) await cache.delete(url);
}
