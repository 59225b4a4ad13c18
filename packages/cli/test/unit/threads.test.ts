// BALLSIGHT_THREADS: what it gives the sessions, and what it refuses.

import { describe, expect, it } from "vitest";
import { threadOptions } from "../../src/model/threads.ts";

describe("BALLSIGHT_THREADS", () => {
  it.each([{}, { BALLSIGHT_THREADS: "" }])("leaves the number to ONNX Runtime without a value (%o)", (env) => {
    expect(threadOptions(env)).toEqual({});
  });

  it("gives the number", () => {
    expect(threadOptions({ BALLSIGHT_THREADS: "3" })).toEqual({ intraOpNumThreads: 3 });
  });

  it.each(["0", "-1", "1.5", "many"])("refuses %s", (text) => {
    expect(() => threadOptions({ BALLSIGHT_THREADS: text })).toThrow(
      `expected a whole number of threads from 1 on for \`BALLSIGHT_THREADS\` but received ${text}`,
    );
  });
});
