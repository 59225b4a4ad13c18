// Headers of every answer: who may call (CORS, the Fetch standard), and what a browser may do with it.

import { BallsightError } from "@ballsight/vision";
import type { MiddlewareHandler } from "hono";
import { describe } from "./body.ts";
import { isOnLoopback } from "./client.ts";
import { errorResponse } from "./errors.ts";
import type { ServerContext, ServerEnv } from "./services.ts";

const PREFLIGHT_SECONDS = "600";

/** Of whoever runs the server, and for its own page alone: a model may be private, and any page that is visited can ask a server on this machine. */
const OWN_PAGE_ONLY: ReadonlySet<string> = new Set(["/model.onnx", "/metrics"]);

/** For what is no page: JSON that a browser is talked into rendering runs nothing. */
const API_POLICY = "default-src 'none'; frame-ancestors 'none'";

/** Preflights are answered here; every other answer gets its headers, errors and streams too. */
export const commonHeaders: MiddlewareHandler<ServerEnv> = async (c, next) => {
  const refusal = refuseHost(c);
  if (refusal !== undefined) c.res = errorResponse(c, refusal);
  else if (c.req.method === "OPTIONS") c.res = c.body(null, 204);
  else await next();
  const { headers } = c.res;
  const isOwn = OWN_PAGE_ONLY.has(c.req.path);
  allowOrigin(c, headers, isOwn);
  if (c.var.services.pool.stats.stopping) headers.set("connection", "close");
  const defaults = {
    "content-security-policy": API_POLICY,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    // Answers are meant for pages elsewhere.
    "cross-origin-resource-policy": isOwn ? "same-origin" : "cross-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
  };
  for (const [name, value] of Object.entries(defaults)) if (!headers.has(name)) headers.set(name, value);
};

/**
 * Where only named pages may call, a stranger's name that suddenly leads to 127.0.0.1 (DNS rebinding) makes its page one of this server's
 * own; it is still in the Host header. Not behind a proxy, which has names of its own.
 */
function refuseHost(c: ServerContext): BallsightError | undefined {
  const { origins, trustProxy } = c.var.services;
  if (origins === "*" || trustProxy > 0 || !isOnLoopback(c)) return undefined;
  const { hostname } = new URL(c.req.url);
  if (LOCAL.has(hostname) || [...origins].some((origin) => new URL(origin).hostname === hostname)) return undefined;
  const expected = "localhost, or a name of --origin";
  return new BallsightError("REQUEST_INVALID", { name: "host", expected, received: describe(hostname) });
}

const LOCAL: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** No cookies, nothing of a user: "*" gives nothing away where anybody may ask. A list names the pages that may. */
function allowOrigin(c: ServerContext, headers: Headers, isOwn: boolean): void {
  const { origins } = c.var.services;
  const origin = c.req.header("origin");
  if (origins === "*") {
    if (isOwn) return;
    headers.set("access-control-allow-origin", "*");
  } else {
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
