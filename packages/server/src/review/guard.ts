// Who may speak to the review: pages of this machine that were opened by the address with the token.

import { timingSafeEqual } from "node:crypto";
import { BallsightError } from "@ballsight/vision";
import type { MiddlewareHandler } from "hono";

const LOCAL = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * DNS rebinding: a stranger's name that suddenly leads to 127.0.0.1 is still in the Host header. And a stranger's page that posts here says
 * where it is from in Origin.
 */
export const localOnly: MiddlewareHandler = async (c, next) => {
  const host = c.req.header("host") ?? "";
  if (!LOCAL.has(hostnameOf(`http://${host}`))) throw forbidden("host", host);
  const origin = c.req.header("origin");
  if (origin !== undefined && origin !== `http://${host}`) throw forbidden("origin", origin);
  await next();
};

/** The token is part of the path, so it works for pictures and events too, and no cookie can be lent to another page. */
export function withToken(token: string): MiddlewareHandler {
  return async function reviewToken(c, next) {
    const received = c.req.param("token") ?? "";
    if (!isSame(received, token)) throw forbidden("token", "another one");
    await next();
  };
}

/** Nothing from elsewhere is loaded, nothing is told elsewhere, nobody frames it. */
export const closedPage: MiddlewareHandler = async (c, next) => {
  await next();
  c.header(
    "Content-Security-Policy",
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  );
  c.header("Referrer-Policy", "no-referrer");
  c.header("X-Content-Type-Options", "nosniff");
  c.header("Cross-Origin-Resource-Policy", "same-origin");
};

const forbidden = (name: string, received: string) => new BallsightError("REVIEW_FORBIDDEN", { name, received });

function hostnameOf(url: string): string {
  try {
    return new URL(url).hostname;
  } catch {
    return "";
  }
}

function isSame(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  return one.length === other.length && timingSafeEqual(one, other);
}
