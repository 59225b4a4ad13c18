// Errors as people and machines read them: one line, with the code from the table where there is one.

import { BallsightError } from "@ballsight/vision";
import { oneLine } from "./text.ts";

export interface ErrorRecord {
  readonly code: string;
  readonly message: string;
}

/** Code and message of anything thrown; what is not from the table is a fault of this program: INTERNAL. */
export function errorRecord(error: unknown): ErrorRecord {
  if (error instanceof BallsightError) return error.toJSON();
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new BallsightError("INTERNAL", { reason }).toJSON();
}

/** `ballsight: <subject>: <message> [CODE]`, on one line. */
export function errorLine(error: unknown, subject?: string): string {
  return recordLine(errorRecord(error), subject);
}

export function recordLine({ code, message }: ErrorRecord, subject?: string): string {
  return oneLine(`ballsight: ${subject === undefined ? "" : `${subject}: `}${message} [${code}]`);
}
