// Headers of every answer: who may call (CORS, the Fetch standard), and what a browser may do with it.

import type { MiddlewareHandler } from "hono";
import type { ServerContext, ServerEnv } from "./services.ts";

const PREFLIGHT_SECONDS = "600";

/** For what is no page: JSON that a browser is talked into rendering runs nothing. */
const API_POLICY = "default-src 'none'; frame-ancestors 'none'";

/** Preflights are answered here; every other answer gets its headers, errors and streams too. */
export const commonHeaders: MiddlewareHandler<ServerEnv> = async (c, next) => {
  if (c.req.method === "OPTIONS") c.res = c.body(null, 204);
  else await next();
  const { headers } = c.res;
  allowOrigin(c, headers);
  const defaults = {
    "content-security-policy": API_POLICY,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    // Answers are meant for pages elsewhere.
    "cross-origin-resource-policy": "cross-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
  };
  for (const [name, value] of Object.entries(defaults)) if (!headers.has(name)) headers.set(name, value);
};

/** No cookies, nothing of a user: "*" gives nothing away. A list names the pages that may. */
function allowOrigin(c: ServerContext, headers: Headers): void {
  const { origins } = c.var.services;
  const origin = c.req.header("origin");
  if (origins === "*") headers.set("access-control-allow-origin", "*");
  else {
    headers.append("vary", "Origin");
    if (origin === undefined || !origins.has(origin)) return;
    headers.set("access-control-allow-origin", origin);
  }
  headers.set("access-control-expose-headers", "retry-after, inference-header-content-length");
  if (c.req.method !== "OPTIONS") return;
  headers.set("access-control-allow-methods", "GET, POST, HEAD, OPTIONS");
  headers.set("access-control-allow-headers", c.req.header("access-control-request-headers") ?? "*");
  headers.set("access-control-max-age", PREFLIGHT_SECONDS);
}
