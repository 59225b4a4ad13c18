// Options of `ballsight serve`, checked.

import type { ServerOptions } from "@ballsight/server";
import { fail } from "@ballsight/vision";

/** As commander hands them over. */
export interface ServeFlags {
  readonly model?: string;
  readonly host?: string;
  readonly port?: string;
  readonly workers?: string;
  readonly queue?: string;
  readonly deadline?: string;
  readonly maxBytes?: string;
  readonly maxPixels?: string;
  readonly rate?: string;
  readonly trustProxy?: string;
  readonly origin?: readonly string[];
  readonly allowUrls?: true;
  readonly drain?: string;
  /** false after --no-watch. */
  readonly watch?: boolean;
  readonly json?: true;
}

/** @throws BAD_OPTION */
export function serverOptions(flags: ServeFlags): Omit<ServerOptions, "model" | "page"> {
  return {
    ...(flags.host !== undefined && { host: flags.host }),
    ...number("port", flags.port, 0, 65_535),
    ...number("workers", flags.workers, 1, 256),
    ...number("queue", flags.queue, 1, 100_000),
    ...number("maxBytes", flags.maxBytes, 1024, 64 * 1024 * 1024),
    ...number("maxPixels", flags.maxPixels, 1024, 100_000_000),
    ...number("rate", flags.rate, 0, 1_000_000),
    ...number("trustProxy", flags.trustProxy, 0, 10),
    ...seconds("deadline", "deadlineMs", flags.deadline, 1, 3600),
    ...seconds("drain", "drainMs", flags.drain, 0, 600),
    ...(flags.origin !== undefined && { origins: flags.origin.map(origin) }),
    // Tests have their servers on this machine.
    ...(flags.allowUrls && { urls: { allowLoopback: process.env.BALLSIGHT_ALLOW_LOOPBACK === "1" } }),
  };
}

function number<Key extends string>(key: Key, text: string | undefined, from: number, to: number) {
  return (text === undefined ? {} : { [key]: whole(key, text, from, to) }) as { readonly [K in Key]?: number };
}

function seconds<Key extends string>(flag: string, key: Key, text: string | undefined, from: number, to: number) {
  return (text === undefined ? {} : { [key]: 1000 * whole(flag, text, from, to) }) as { readonly [K in Key]?: number };
}

function whole(key: string, text: string, from: number, to: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= from && value <= to) return value;
  const option = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  return fail("BAD_OPTION", { option, expected: `a whole number from ${from} to ${to}`, received: text });
}

function origin(text: string): string {
  if (text === "*") return text;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && url.origin === text) return text;
  return fail("BAD_OPTION", { option: "--origin", expected: "an origin such as https://example.org", received: text });
}
