// All that is known of decisions on a data set: the journal's lines, and what `apply` has moved.

import { readEntries } from "./journal.ts";
import { readPlans } from "./plans.ts";
import { Decisions } from "./state.ts";

export interface ReadDecisions {
  readonly decisions: Decisions;
  /** Lines of decisions.jsonl that could not be read. */
  readonly passedOver: number;
}

/** @param root the data set's folder */
export async function readDecisions(root: string): Promise<ReadDecisions> {
  const [{ entries, passedOver }, plans] = await Promise.all([readEntries(root), readPlans(root)]);
  const decisions = new Decisions(entries);
  for (const { moves } of plans) decisions.noteMoves(moves);
  return { decisions, passedOver };
}
