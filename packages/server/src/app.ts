// The application: what every request goes through, and all routes. Needs no socket: `app.request("/v1/models")`.

import { type BallsightError, fail } from "@ballsight/vision";
import { OpenAPIHono } from "@hono/zod-openapi";
import { GRADIO_PREFIX, gradioRoutes } from "./gradio/routes.ts";
import { healthRoutes } from "./health.ts";
import { errorResponse } from "./http/errors.ts";
import { commonHeaders } from "./http/headers.ts";
import type { App } from "./http/route.ts";
import type { ServerEnv, Services } from "./http/services.ts";
import type { Streams } from "./http/sse.ts";
import { oipRoutes } from "./oip/routes.ts";
import { pageRoutes } from "./page.ts";
import { docsRoutes } from "./rest/docs.ts";
import { modelRoutes } from "./rest/models.ts";
import { predictRoute } from "./rest/predict.ts";

/** @param page folder of the built page */
export async function createApp(services: Services, streams: Streams, page: string | undefined): Promise<App> {
  const app = new OpenAPIHono<ServerEnv>({ getPath: (request) => routePath(request.url) });
  app.use(async (c, next) => {
    c.set("services", services);
    c.set("route", "other");
    const began = performance.now();
    await next();
    services.metrics.request(c.var.route, c.res.status, (performance.now() - began) / 1000);
  });
  app.use(commonHeaders);
  app.onError((error, c) => errorResponse(c, error));
  app.notFound((c) => errorResponse(c, unknownRoute(app, c.req.method, c.req.path)));

  gradioRoutes(app, streams);
  predictRoute(app);
  modelRoutes(app);
  oipRoutes(app);
  healthRoutes(app);
  docsRoutes(app, services.version);
  await pageRoutes(app, page);
  return app;
}

/** The path without Gradio's prefix and without one trailing slash: each route answers to all of its twins. */
function routePath(url: string): string {
  const from = url.indexOf("/", url.indexOf("://") + 3);
  const end = url.slice(from).search(/[?#]/);
  const path = from === -1 ? "/" : end === -1 ? url.slice(from) : url.slice(from, from + end);
  const bare = path.startsWith(`${GRADIO_PREFIX}/`) ? path.slice(GRADIO_PREFIX.length) : path;
  return bare.length > 1 && bare.endsWith("/") ? bare.slice(0, -1) : bare;
}

function unknownRoute(app: App, method: string, path: string): BallsightError {
  const definitions = app.openAPIRegistry.definitions.flatMap((item) => (item.type === "route" ? [item.route] : []));
  const methods = definitions
    .filter((route) => matches(routePath(`http://localhost${route.path}`), path))
    .map((route) => route.method.toUpperCase());
  try {
    if (methods.length === 0) fail("ROUTE_UNKNOWN", { received: `${method} ${path.slice(0, 80)}` });
    fail("METHOD_WRONG", { name: path.slice(0, 80), expected: methods.join(" or "), received: method });
  } catch (error) {
    return error as BallsightError;
  }
}

function matches(template: string, path: string): boolean {
  const [wanted, given] = [template.split("/"), path.split("/")];
  return wanted.length === given.length && wanted.every((part, i) => part.startsWith("{") || part === given[i]);
}
