// What can go wrong while a graph is built or lowered: mistakes of the program that builds it, not of its user.

export type GradErrorCode = "SHAPE_MISMATCH" | "BAD_ATTRIBUTE" | "MISSING_GRADIENT" | "MISSING_LOWERING" | "BAD_STATE";

export class GradError extends Error {
  override readonly name = "GradError";
  readonly code: GradErrorCode;

  constructor(code: GradErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Throws SHAPE_MISMATCH with a sentence that names the op, unless the condition holds. */
export function expectShape(condition: boolean, op: string, sentence: () => string): asserts condition {
  if (!condition) throw new GradError("SHAPE_MISMATCH", `${op}: ${sentence()}`);
}
