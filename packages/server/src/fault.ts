// Faults of this program: the whole of them goes to the log, and nothing of them to strangers.

import { BallsightError } from "@ballsight/vision";

/** Stands for the reason in what strangers are told: a message of the inside has paths of this machine in it. */
export const LOGGED = "a fault that was logged";

/** @param where that it happened, for the log */
export function fault(log: (line: string) => void, where: string, thrown: unknown): BallsightError {
  log(`internal fault at ${where}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`);
  return new BallsightError("INTERNAL", { reason: LOGGED }, { cause: thrown });
}
