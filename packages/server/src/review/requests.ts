// What the page may ask for, checked where it comes in.

import { fail } from "@ballsight/vision";
import { z } from "zod";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const step = z.string().regex(/^[\w-]{8,64}$/);

export const decideRequest = z.object({
  step,
  base: z.int().nonnegative(),
  action: z.enum(["keep", "relabel", "exclude"]),
  to: z.string().min(1).max(200).optional(),
  photos: z
    .array(z.object({ sha256, file: z.string().min(1).max(4096), of: sha256.optional() }))
    .min(1)
    .max(1_000_000),
});

export const undoRequest = z.object({ step });

/** @throws BAD_OPTION */
export function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  return fail("BAD_OPTION", {
    option: ["body", ...(issue?.path ?? [])].join("."),
    expected: "what the review page sends",
    received: issue?.message ?? "something else",
  });
}
