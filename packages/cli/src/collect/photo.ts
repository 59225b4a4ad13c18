// A photo on its way into the data set: what is known before it is downloaded, and what may become of it.

/** What a source knows of a photo, under the names of metadata.jsonl. */
export interface FoundPhoto {
  /** Of the photo's file; `file:` for one on this machine. */
  readonly url: string;
  /** Where a photo of a folder was found once. */
  readonly origin_url?: string;
  readonly page_url?: string;
  readonly title?: string;
  readonly creator?: string;
  /** "CC BY-SA 4.0"; absent where the source does not say. */
  readonly license?: string;
  readonly license_url?: string;
  /** A ready-made credit line. */
  readonly attribution?: string;
  /** What the licence does not cover: "trademarked", "personality rights". */
  readonly restrictions?: string;
}

export interface Candidate extends FoundPhoto {
  readonly label: string;
  readonly source: string;
  readonly query: string;
}

/** What a candidate may come to, and the column of the table that counts it. `failed` may be otherwise tomorrow. */
export const STATUSES = {
  ok: "got",
  dead: "dead",
  "unknown-host": "dead",
  "not-image": "dead",
  "decode-error": "dead",
  "duplicate-of": "duplicate",
  "too-small": "refused",
  "too-narrow": "refused",
  "too-large": "refused",
  unsupported: "refused",
  license: "refused",
  "blocked-optout": "refused",
  "blocked-robots": "refused",
  "blocked-address": "refused",
  "rate-limited": "failed",
  timeout: "failed",
  "server-error": "failed",
  "network-error": "failed",
  "worker-failed": "failed",
} as const satisfies Record<string, "got" | "dead" | "duplicate" | "refused" | "failed">;

export type Status = keyof typeof STATUSES;
export type Group = (typeof STATUSES)[Status];

export const isStatus = (text: string): text is Status => Object.hasOwn(STATUSES, text);

/** Why there is no photo. Thrown on the way, never seen by users but as a line of the ledger. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: Exclude<Status, "ok">;

  constructor(status: Exclude<Status, "ok">, reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.status = status;
  }
}

/** One spelling per address; undefined where it is none. The fragment never reaches a server. */
export function normalUrl(text: string, base?: string): string | undefined {
  if (!URL.canParse(text, base)) return undefined;
  const url = new URL(text, base);
  url.hash = "";
  return url.href;
}

/** Without the entries that are undefined, as `exactOptionalPropertyTypes` wants them. */
export function present<T extends object>(record: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
