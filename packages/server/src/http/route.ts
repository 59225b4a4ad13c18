// One definition per route: what answers and what /openapi.json says about it are the same object.

import type { OpenAPIHono, RouteConfig } from "@hono/zod-openapi";
import type { ServerContext, ServerEnv } from "./services.ts";

export interface RouteOptions {
  /** What clients ask for where that is not the path that answers (Gradio's prefix). */
  readonly documentedPath?: string;
  /** Counts against the client's rate, as one photo; what is to be computed is refused while the queue is full, before its body is read. */
  readonly work?: "compute" | "store";
}

export type App = OpenAPIHono<ServerEnv>;

/** Validation is the handler's, behind the limits on bodies: @hono/zod-openapi's own would read any body whole. */
export function define(
  app: App,
  config: RouteConfig,
  handler: (c: ServerContext) => Response | Promise<Response>,
  { documentedPath, work }: RouteOptions = {},
): void {
  app.openAPIRegistry.registerPath({ ...config, path: documentedPath ?? config.path });
  const path = config.path.replaceAll(/\{(\w+)\}/g, ":$1");
  app.on(config.method.toUpperCase(), path, (c) => {
    c.set("route", config.path);
    // First: who comes again after a 503, as told, has not used up a rate by that.
    if (work === "compute") c.var.services.pool.refuseWhenFull();
    if (work !== undefined) c.var.services.rate.count(c);
    return handler(c);
  });
}
