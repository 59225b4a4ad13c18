// Who asks: the address that limits are kept by.

import { isIP } from "node:net";
import type { ServerContext } from "./services.ts";

/**
 * The client's address, an IPv6 one by its /64, which is one customer's. X-Forwarded-For counts only as far as this server's own
 * proxies wrote it: whatever stands further left, anybody can have written.
 */
export function clientOf(c: ServerContext): string {
  const peer = c.env?.incoming?.socket?.remoteAddress ?? "";
  const { trustProxy } = c.var.services;
  if (trustProxy === 0) return network(peer);
  const hops = (c.req.header("x-forwarded-for") ?? "").split(",").map((hop) => hop.trim());
  const forwarded = hops.at(-trustProxy) ?? hops[0] ?? "";
  return network(isIP(forwarded) === 0 ? peer : forwarded);
}

/** Whether the request came over this machine's own interface. */
export const isOnLoopback = (c: ServerContext): boolean =>
  isLoopback(network(c.env?.incoming?.socket?.localAddress ?? ""));

function network(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  if (isIP(plain) !== 6) return plain;
  // `::` stands for the zeros that are missing from eight groups.
  const [left = "", right = ""] = plain.split("::");
  const groups = left === "" ? [] : left.split(":");
  const rest = right === "" ? [] : right.split(":");
  const all = [...groups, ...Array<string>(Math.max(0, 8 - groups.length - rest.length)).fill("0"), ...rest];
  return `${all.slice(0, 4).join(":")}::/64`;
}

export function isLoopback(client: string): boolean {
  return client.startsWith("127.") || client === "0:0:0:0::/64" || client === "";
}
