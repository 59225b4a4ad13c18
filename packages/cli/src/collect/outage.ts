// Whether it is the network that is gone, or one host for good, rather than one photo after the other.

import type { Status } from "./photo.ts";

/** Photos without an answer, one after the other, of hosts that answered before, or that are to be left alone. */
const MOST_IN_A_ROW = 40;
/** Hosts without an answer, one after the other: a list with so many that died is rarer than a cable that came loose. */
const MOST_HOSTS = 25;
/** A server's fault is an answer: it is there. */
const SILENT: ReadonlySet<Status> = new Set<Status>(["rate-limited", "timeout", "network-error", "unknown-host"]);
/** What is found there costs nobody a question. */
const FREE_SOURCES: ReadonlySet<string> = new Set(["urls", "folder"]);

/** Decided without asking the host, or nobody knows whether it was asked. */
const UNASKED: ReadonlySet<Status> = new Set<Status>(["license", "blocked-address", "worker-failed"]);

/** Thrown in the words that a person reads. */
export class Outage extends Error {
  override readonly name = "Outage";
}

/** Going on would spend the services' quotas on photos that nobody can fetch, and mark thousands as lost. */
export class OutageWatch {
  readonly #answered = new Set<string>();
  readonly #silent = new Set<string>();
  readonly #statuses = new Set<Status>();
  #inARow = 0;
  #postponed = 0;

  /** Of a photo that was decided. @throws Outage */
  note(url: string, status: Status): void {
    const host = URL.canParse(url) ? new URL(url).host : "";
    const isSilent = SILENT.has(status);
    if (!isSilent) {
      if (host === "" || UNASKED.has(status)) return;
      this.#answered.add(host);
      this.#silent.clear();
      this.#statuses.clear();
      this.#inARow = 0;
      this.#postponed = 0;
      return;
    }
    this.#silent.add(host);
    this.#statuses.add(status);
    // A host that refuses is there; it is left alone before long.
    if (status !== "rate-limited" && this.#answered.has(host)) this.#inARow++;
    if (this.#inARow < MOST_IN_A_ROW && this.#silent.size < MOST_HOSTS) return;
    const many = this.#inARow < MOST_IN_A_ROW ? `${MOST_HOSTS} hosts` : `${MOST_IN_A_ROW} photos`;
    const names = [...this.#statuses];
    throw new Outage(
      `${many} in a row gave no answer (${names.join(", ")}); stopped, and --retry ${names.join(",")} asks for these again`,
    );
  }

  /** Of a photo that is left for later, since its host is. Others of a list may do; a service is not asked for more and more. @throws Outage */
  notePostponed(source: string): void {
    if (FREE_SOURCES.has(source) || ++this.#postponed < MOST_IN_A_ROW) return;
    throw new Outage(`${MOST_IN_A_ROW} photos in a row are of hosts that are to be left alone for a while; stopped`);
  }
}
