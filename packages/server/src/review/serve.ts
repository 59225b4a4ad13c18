// The review on a port of this machine, and of no other.

import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Hono } from "hono";

export interface ServedReview {
  readonly port: number;
  close(): Promise<void>;
}

/** Ports after the wanted one are tried where somebody listens there already. */
const TRIES = 10;

/** @param port 0 for any that is free. Errors of the system come through as they are. */
export async function serveReview(app: Hono, port: number): Promise<ServedReview> {
  for (let n = 0; ; n++) {
    const server = createAdaptorServer({ fetch: app.fetch });
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port === 0 ? 0 : port + n, "127.0.0.1", resolve);
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || port === 0 || n + 1 >= TRIES) throw error;
      continue;
    }
    return {
      port: (server.address() as AddressInfo).port,
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          // Tabs keep their stream of events open for ever.
          if ("closeAllConnections" in server) server.closeAllConnections();
        }),
    };
  }
}
