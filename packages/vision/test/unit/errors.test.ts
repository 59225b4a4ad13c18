// The error table, its documentation, and the form of its messages.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { BallsightError, ERRORS, fail } from "../../src/errors.ts";

const docs = readFileSync(new URL("../../../../docs/errors.md", import.meta.url), "utf8");

/** Rows `| CODE | status | message |` of the guide. */
const documented = [...docs.matchAll(/^\| *([A-Z][A-Z_]+) *\| *(\d+) *\| *(.*?) *\|$/gm)].map((row) => row.slice(1, 4));

describe("error table", () => {
  test("docs/errors.md lists exactly the same codes, statuses and messages", () => {
    const expected = Object.entries(ERRORS).map(([code, { status, message }]) => [code, String(status), message]);
    expect(documented).toEqual(expected);
  });

  test.each(Object.entries(ERRORS))(
    "%s says what is expected, what was found and what to do",
    (_, { message, status }) => {
      expect(message).toMatch(/^expected .+ (but|and) .+; .+/);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(600);
    },
  );
});

describe("fail", () => {
  const caught = (action: () => unknown): unknown => {
    try {
      return action();
    } catch (error) {
      return error;
    }
  };

  test("fills the template and keeps values, details and cause", () => {
    const cause = new Error("libvips says no");
    const values = { name: "a.jpg", limit: 100, width: 20, height: 30 };
    const error = caught(() => fail("IMAGE_TOO_LARGE", values, { cause, details: { index: 7 } })) as BallsightError;
    expect(error).toBeInstanceOf(BallsightError);
    expect(error.message).toBe("expected at most 100 pixels for `a.jpg` but received 20 x 30; scale it down first");
    expect(error).toMatchObject({ code: "IMAGE_TOO_LARGE", status: 413, name: "BallsightError", cause });
    expect(error.details).toEqual({ ...values, index: 7 });
    expect(JSON.parse(JSON.stringify(error))).toEqual({ code: "IMAGE_TOO_LARGE", message: error.message });
  });

  test("values are inserted once: braces and $ in a file name stay as they are", () => {
    const error = caught(() => fail("FILE_NOT_FOUND", { name: "{name}$&.jpg" })) as BallsightError;
    expect(error.message).toContain("`{name}$&.jpg`");
  });

  test("a file name cannot break the line or reach the terminal", () => {
    const error = caught(() => fail("EMPTY_FILE", { name: "a\n\u001b[2Jb\u009b.jpg" })) as BallsightError;
    expect(error.message).toContain("a\\u000a\\u001b[2Jb\\u009b.jpg");
    expect(error.message).not.toMatch(/\p{Cc}/u);
  });
});
