// What the routes share, and the types of their contexts.

import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import type { CallStore } from "../gradio/calls.ts";
import type { Sessions } from "../gradio/sessions.ts";
import type { Uploads } from "../gradio/uploads.ts";
import type { Metrics } from "../metrics.ts";
import type { Pool } from "../pool/pool.ts";
import type { Remote } from "../remote.ts";
import type { ByteBudget } from "./body.ts";
import type { RateLimit } from "./rateLimit.ts";

export interface Services {
  readonly pool: Pool;
  readonly uploads: Uploads;
  readonly sessions: Sessions;
  readonly calls: CallStore;
  readonly metrics: Metrics;
  readonly rate: RateLimit;
  readonly budget: ByteBudget;
  /** Where photos behind URLs are fetched; undefined where they are refused. */
  readonly remote: Remote | undefined;
  /** Of one photo, bytes. */
  readonly maxBytes: number;
  /** Of one photo, or of all pixels of a request. */
  readonly maxPixels: number;
  /** Proxies in front of this server whose X-Forwarded-For counts. */
  readonly trustProxy: number;
  /** Origins whose pages may call the API; "*" for all. */
  readonly origins: "*" | ReadonlySet<string>;
  readonly version: string;
  /** Told about faults of this program. */
  readonly log: (line: string) => void;
}

export interface ServerEnv {
  Bindings: Partial<HttpBindings>;
  Variables: { readonly services: Services; route: string };
}

export type ServerContext = Context<ServerEnv>;
