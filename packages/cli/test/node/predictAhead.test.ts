// Decoding ahead: outcomes in the order of the photos, never more jobs at once than allowed, a failure stays with its photo.

import fc from "fast-check";
import { expect, test } from "vitest";
import { aheadOf } from "../../src/images/aheadOf.ts";

test("keeps order and bound whatever the jobs' lengths and failures", async () => {
  const jobs = fc.array(fc.record({ turns: fc.nat(5), fails: fc.boolean() }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(jobs, fc.integer({ min: 1, max: 5 }), async (items, ahead) => {
      let running = 0;
      let most = 0;
      const seen: string[] = [];
      const outcomes = aheadOf([...items.entries()], ahead, async ([index, { turns, fails }]) => {
        most = Math.max(most, ++running);
        for (let turn = 0; turn <= turns; turn++) await new Promise(setImmediate);
        running -= 1;
        if (fails) throw new Error(`${index}`);
        return index;
      });
      for await (const { item, outcome } of outcomes) {
        const value = outcome.status === "fulfilled" ? outcome.value : `failed ${outcome.reason.message}`;
        seen.push(`${item[0]}: ${value}`);
      }
      expect(seen).toEqual(items.map(({ fails }, index) => `${index}: ${fails ? "failed " : ""}${index}`));
      expect(most).toBeLessThanOrEqual(ahead);
      expect(most).toBe(Math.min(ahead, items.length));
    }),
  );
});
