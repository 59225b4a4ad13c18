// Which addresses may be asked: public ones only, however they are written (server-side request forgery, CWE-918).

import { type LookupAddress, type LookupAllOptions, lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

export interface AddressRules {
  /** For tests, whose servers are on this machine: 127.0.0.0/8 and ::1, and any port. */
  readonly allowLoopback?: boolean;
  /** Names to addresses; the system's by default. */
  readonly resolve?: Resolve;
}

export type Resolve = (
  host: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** What a connection to an address that is not public fails with. */
export class BlockedAddress extends Error {
  override readonly name = "BlockedAddress";
}

/** Names that mean this machine or this network (RFC 6761, RFC 6762, RFC 9476 and what routers use). */
const LOCAL_NAMES = /(?:^|\.)(?:localhost|local|internal|intranet|lan|home|corp|home\.arpa|localdomain)$/;

/**
 * Whether the address is one of the public internet.
 * @param address without brackets
 */
export function isPublicAddress(address: string, { allowLoopback = false }: AddressRules = {}): boolean {
  if (!ipaddr.isValid(address)) return false;
  // Maps ::ffff:10.0.0.1 to what it stands for.
  const parsed = ipaddr.process(address);
  const range = parsed.range();
  if (range === "loopback") return allowLoopback;
  if (range !== "unicast") return false;
  // Global unicast is 2000::/3 (RFC 4291); among the rest are ::127.0.0.1 and blocks that are not given out.
  return parsed.kind() === "ipv4" || (parsed as ipaddr.IPv6).parts[0]! >> 13 === 1;
}

/**
 * Why this URL is not asked; undefined where it may be. Literal addresses are judged here, since a connector is not asked to look
 * them up; names are judged once more by their addresses in `guardedLookup`.
 */
export function refuseUrl(url: URL, rules: AddressRules = {}): string | undefined {
  if (url.protocol !== "http:" && url.protocol !== "https:") return `${url.protocol} address`;
  if (url.username !== "" || url.password !== "") return "address with a password";
  const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  // URL leaves 80 and 443 away where they are the protocol's own.
  if (url.port !== "" && url.port !== "80" && url.port !== "443" && !rules.allowLoopback) return `port ${url.port}`;
  if (isIP(host) !== 0) return isPublicAddress(host, rules) ? undefined : `address ${host} is not public`;
  if (host === "localhost" && rules.allowLoopback) return undefined;
  if (LOCAL_NAMES.test(host) || !host.includes(".")) return `${host} is a name of this network`;
  return undefined;
}

/**
 * A lookup for `net.connect`: checks every address of the name, and hands on the very ones that were checked, so that a name cannot
 * change what it means between check and connection (DNS rebinding).
 */
export function guardedLookup(rules: AddressRules): LookupFunction {
  const resolve: Resolve = rules.resolve ?? systemLookup;
  return (host, options, callback) => {
    resolve(host, { ...options, all: true, family: options.family ?? 0 }, (error, addresses) => {
      if (error !== null) return callback(error, "", 0);
      const [first] = addresses;
      const wrong = addresses.find(({ address }) => !isPublicAddress(address, rules));
      // One public address among private ones is how a filter is got around: none of them is dialled.
      if (wrong !== undefined || first === undefined) {
        const what = wrong === undefined ? "no address" : `${wrong.address}, which is not public`;
        return callback(new BlockedAddress(`${host} resolves to ${what}`), "", 0);
      }
      if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}
