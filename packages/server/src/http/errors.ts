// Errors as answers: each protocol has a shape of its own, and no status is without a body.

import { BallsightError } from "@ballsight/vision";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { fault } from "../fault.ts";
import type { ServerContext } from "./services.ts";

/** Whose protocol a path belongs to. */
type Family = "gradio" | "oip" | "rest";

const GRADIO =
  /^\/(?:config|info|upload|queue\/.*|call\/.*|run\/.*|api\/.*|heartbeat\/.*|cancel|reset|app_id|file=.*|gradio_api\/.*)$/;

function familyOf(path: string): Family {
  if (GRADIO.test(path)) return "gradio";
  return path === "/v2" || path.startsWith("/v2/") ? "oip" : "rest";
}

/** Gradio's clients of 2023 read `data` of every answer, those of today `error` or `detail`. */
export function gradioError(message: string) {
  return { error: message, detail: message, data: [], duration: 10, visible: true, title: "Error" };
}

export function errorResponse(c: ServerContext, thrown: unknown): Response {
  const error = thrown instanceof BallsightError ? thrown : fault(c.var.services.log, c.req.path, thrown);
  const headers = new Headers();
  const { seconds } = error.details;
  if (typeof seconds === "number" && (error.status === 429 || error.status === 503)) {
    headers.set("retry-after", String(seconds));
  } else if (error.status === 503) headers.set("retry-after", "1");
  const family = familyOf(c.req.path);
  const body =
    family === "gradio"
      ? gradioError(error.message)
      : family === "oip"
        ? { error: error.message }
        : { error: error.toJSON() };
  // A status outside of the table of statuses (499) is nginx's: nobody is there to read it.
  return c.json(body, error.status as ContentfulStatusCode, Object.fromEntries(headers));
}
