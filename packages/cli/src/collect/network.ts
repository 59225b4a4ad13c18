// What a run asks the network with: one client, one gate, the services that were chosen.

import { programName } from "../output/version.ts";
import { Client, type ClientOptions } from "./download/client.ts";
import { HostGate, type HostLimits } from "./download/politeness.ts";
import type { CollectSettings, ServiceName } from "./settings.ts";
import { DuckDuckGo } from "./sources/duckduckgo.ts";
import { Openverse, type OpenverseAccount } from "./sources/openverse.ts";
import { Service } from "./sources/service.ts";
import type { Source } from "./sources/source.ts";
import { Wikimedia } from "./sources/wikimedia.ts";

export interface Network {
  readonly client: Client;
  readonly gate: HostGate;
  readonly sources: readonly Source[];
}

/** One question at a time, and a moment in between. */
const SERVICE_LIMITS: HostLimits = { parallel: 1, gapMs: 250 };
/** Of photos; large hosts carry more, but they have not been asked whether they want to. */
const PHOTO_GAP_MS = 50;
/** Wikimedia's robot policy for its photos: two at a time, 25 Mbit/s. */
const STRICT_HOSTS: ReadonlySet<string> = new Set(["upload.wikimedia.org"]);
const STRICT_PARALLEL = 2;
const STRICT_BYTES_PER_S = 25_000_000 / 8;

/** Whose services are asked one question at a time. */
const SEARCHED: ReadonlySet<string> = new Set(["api.openverse.org", "commons.wikimedia.org", "duckduckgo.com"]);

/** Only tests set it: their servers are on this machine. */
export const allowsLoopback = (env: NodeJS.ProcessEnv): boolean => env.BALLSIGHT_ALLOW_LOOPBACK === "1";

/** @param contact a mail or web address: who reads a log can say what is wrong (Wikimedia's User-Agent policy asks for it) */
export function openClient(contact: string, rules: Omit<ClientOptions, "userAgent">): Client {
  const [name, version] = programName().split(" ");
  return new Client({ ...rules, userAgent: `${name}/${version} (${contact})` });
}

export function hostLimits(perHost: number, isLocal: boolean): (host: string) => HostLimits {
  return (host) => {
    if (SEARCHED.has(host)) return SERVICE_LIMITS;
    const gapMs = isLocal ? 0 : PHOTO_GAP_MS;
    if (!STRICT_HOSTS.has(host)) return { parallel: perHost, gapMs };
    return { parallel: Math.min(perHost, STRICT_PARALLEL), gapMs, bytesPerS: STRICT_BYTES_PER_S };
  };
}

/**
 * @param account of Openverse
 * @param env BALLSIGHT_<SERVICE>_URL names another address of a service
 * @param onWait told when a service asks to wait, milliseconds
 */
export function openNetwork(
  settings: CollectSettings,
  env: NodeJS.ProcessEnv,
  onWait: (host: string, ms: number) => void,
  rules: Omit<ClientOptions, "userAgent"> = {},
  account?: OpenverseAccount,
): Network {
  const addresses = { allowLoopback: allowsLoopback(env), ...rules };
  const base = (name: ServiceName) => env[`BALLSIGHT_${name.toUpperCase()}_URL`];
  const client = openClient(settings.contact, addresses);
  const limits = hostLimits(settings.perHost, addresses.allowLoopback);
  const gate = new HostGate({ parallel: settings.parallel, limits });
  const service = new Service({ client, politeness: gate, onWait });
  const make: Readonly<Record<ServiceName, () => Source>> = {
    openverse: () => new Openverse({ service, license: settings.license, account, base: base("openverse") }),
    wikimedia: () => new Wikimedia({ service, base: base("wikimedia") }),
    duckduckgo: () => new DuckDuckGo({ service, base: base("duckduckgo") }),
  };
  return { client, gate, sources: [...settings.local, ...settings.services.map((name) => make[name]())] };
}
