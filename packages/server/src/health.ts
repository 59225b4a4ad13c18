// For whoever watches over the server: alive, ready, figures.

import type { RouteConfig } from "@hono/zod-openapi";
import { type App, define } from "./http/route.ts";

export function healthRoutes(app: App): void {
  const about = (path: string, summary: string): RouteConfig => ({
    method: "get",
    path,
    tags: ["About"],
    summary,
    responses: { 200: { description: "Yes" }, 503: { description: "Not now" } },
  });
  define(app, about("/healthz", "Whether the process answers"), (c) => c.json({ status: "ok" }));
  define(app, about("/readyz", "Whether it takes work: workers warm, room in the queue, not about to stop"), (c) => {
    const { pool } = c.var.services;
    const { waiting, running, workers, stopping } = pool.stats;
    const status = stopping ? "stopping" : pool.ready ? "ready" : "busy";
    return c.json({ status, waiting, running, workers }, pool.ready ? 200 : 503);
  });
  define(app, about("/metrics", "Figures for Prometheus"), async (c) => {
    const { registry } = c.var.services.metrics;
    return c.body(await registry.metrics(), 200, { "content-type": registry.contentType });
  });
}
