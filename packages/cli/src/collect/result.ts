// What a run came to, as `--json` prints it.

import type { ClassProgress } from "./collector.ts";
import { type CollectFolder, CREDITS_FILE } from "./folder.ts";
import type { DoneEntry } from "./ledger.ts";
import { type Group, STATUSES, type Status } from "./photo.ts";
import type { Searches } from "./searches.ts";
import type { CollectSettings } from "./settings.ts";
import { type CollectState, countGroup, countStatuses } from "./state.ts";

export interface ClassResult {
  readonly label: string;
  readonly wanted: number;
  /** In the folder now, those that were there before included. */
  readonly got: number;
  /** By this run. */
  readonly added: number;
  readonly dead: number;
  readonly duplicate: number;
  readonly refused: number;
  /** May be otherwise the next time. */
  readonly failed: number;
  /** Found and not needed. */
  readonly left: number;
  /** Of all runs, by the ledger's names. */
  readonly statuses: Readonly<Partial<Record<Status, number>>>;
}

export interface CollectResult {
  readonly out: string;
  readonly classes: readonly ClassResult[];
  /** Photos of this run that another class has: one of the labels is wrong. */
  readonly conflicts: readonly { readonly url: string; readonly label: string; readonly of: string }[];
  readonly sources: ReturnType<Searches["report"]>;
  readonly interrupted: boolean;
  readonly ledger: string;
  /** Where one was written. */
  readonly credits?: string;
  /** Where one was asked for. */
  readonly sheet?: string;
}

interface Finished {
  readonly settings: CollectSettings;
  readonly folder: CollectFolder;
  readonly classes: readonly ClassProgress[];
  readonly state: CollectState;
  readonly searches: Searches;
  readonly conflicts: readonly DoneEntry[];
  readonly interrupted: boolean;
  readonly hasCredits: boolean;
}

export function collectResult({
  settings,
  folder,
  classes,
  state,
  searches,
  conflicts,
  interrupted,
  hasCredits,
}: Finished): CollectResult {
  return {
    out: settings.out,
    classes: classes.map((one) => classResult(one, state)),
    conflicts: conflicts.map(({ url, label, of = "" }) => ({ url, label, of })),
    sources: searches.report(),
    interrupted,
    ledger: folder.ledger,
    ...(hasCredits && { credits: folder.file(CREDITS_FILE) }),
  };
}

function classResult({ label, wanted, have, added }: ClassProgress, state: CollectState): ClassResult {
  const statuses = countStatuses(state.of(label));
  const count = (group: Group) => countGroup(statuses, group);
  return {
    label,
    wanted,
    got: have,
    added,
    dead: count("dead"),
    duplicate: count("duplicate"),
    refused: count("refused"),
    failed: count("failed"),
    left: state.of(label).undecided.size,
    statuses,
  };
}

/** By status, all classes together, most frequent first; `ok` left out. */
export function reasons(classes: readonly ClassResult[]): [Exclude<Status, "ok">, number][] {
  const sums = new Map<Status, number>();
  for (const { statuses } of classes) {
    for (const [status, n] of Object.entries(statuses))
      sums.set(status as Status, (sums.get(status as Status) ?? 0) + n);
  }
  sums.delete("ok");
  const order = Object.keys(STATUSES);
  return ([...sums] as [Exclude<Status, "ok">, number][]).sort(
    ([a, n], [b, m]) => m - n || order.indexOf(a) - order.indexOf(b),
  );
}
