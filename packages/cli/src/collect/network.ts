// What a run asks the network with: one client, one gate, the services that were chosen.

import { programName } from "../output/version.ts";
import { Client, type ClientOptions } from "./download/client.ts";
import { HostGate, type HostLimits } from "./download/politeness.ts";
import type { CollectSettings, ServiceName } from "./settings.ts";
import { DuckDuckGo } from "./sources/duckduckgo.ts";
import { Openverse } from "./sources/openverse.ts";
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
/** Wikimedia's robot policy for its photos: two at a time. */
const STRICT_HOSTS: ReadonlySet<string> = new Set(["upload.wikimedia.org"]);
const STRICT_PARALLEL = 2;

/**
 * @param env BALLSIGHT_<SERVICE>_URL names another address of a service; BALLSIGHT_ALLOW_LOOPBACK=1 lets tests have servers on this machine
 * @param onWait told when a service asks to wait, milliseconds
 */
export function openNetwork(
  settings: CollectSettings,
  env: NodeJS.ProcessEnv,
  onWait: (host: string, ms: number) => void,
  rules: Omit<ClientOptions, "userAgent"> = {},
): Network {
  const addresses = { allowLoopback: env.BALLSIGHT_ALLOW_LOOPBACK === "1", ...rules };
  const base = (name: ServiceName) => env[`BALLSIGHT_${name.toUpperCase()}_URL`];
  const { contact, perHost } = settings;
  const [name, version] = programName().split(" ");
  // Who reads a log can say what is wrong (Wikimedia's User-Agent policy asks for it).
  const client = new Client({ ...addresses, userAgent: `${name}/${version} (${contact})` });
  const isLocal = addresses.allowLoopback;
  const searched = new Set(["api.openverse.org", "commons.wikimedia.org", "duckduckgo.com"]);
  const limits = (host: string): HostLimits => {
    if (searched.has(host)) return SERVICE_LIMITS;
    const parallel = STRICT_HOSTS.has(host) ? Math.min(perHost, STRICT_PARALLEL) : perHost;
    return { parallel, gapMs: isLocal ? 0 : PHOTO_GAP_MS };
  };
  const gate = new HostGate({ parallel: settings.parallel, limits });
  const service = new Service({ client, politeness: gate, onWait });
  const make: Readonly<Record<ServiceName, () => Source>> = {
    openverse: () => new Openverse({ service, license: settings.license, base: base("openverse") }),
    wikimedia: () => new Wikimedia({ service, base: base("wikimedia") }),
    duckduckgo: () => new DuckDuckGo({ service, base: base("duckduckgo") }),
  };
  return { client, gate, sources: [...settings.local, ...settings.services.map((name) => make[name]())] };
}
