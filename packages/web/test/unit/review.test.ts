// The review page without a browser: what keys mean, what is in view, and the address that remembers it.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Photo } from "../../src/review/api.ts";
import { classKeys, commandOf } from "../../src/review/keys.ts";
import { countsOf, inView, NO_FILTER, nextOpen, placeFor } from "../../src/review/view.ts";

const press = (key: string, more: Partial<Record<"shiftKey" | "ctrlKey" | "metaKey" | "altKey", boolean>> = {}) => ({
  key,
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  ...more,
});

describe("keys", () => {
  const balls = "Baseball Basketball Billiards Bowling Cricket Football Golf Rugby Tennis Volleyball".split(" ");

  test("ten classes have the digits as they stand on the keyboard", () => {
    expect([...classKeys(balls).values()].join("")).toBe("1234567890");
  });

  test("further ones have a letter of their name that means nothing else", () => {
    const keys = classKeys([...balls, "Kickball", "Hockey", "Handball", "Kazoo"]);
    // K, X, U, A, Z and C are taken; Hockey has H, so Handball goes on to N.
    expect(["Kickball", "Hockey", "Handball", "Kazoo"].map((label) => keys.get(label))).toEqual(["i", "h", "n", "o"]);
  });

  test("no key means two things, however many classes there are", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 60 }), (classes) => {
        const keys = [...classKeys(classes).values()];
        expect(new Set(keys).size).toBe(keys.length);
        for (const [label, key] of classKeys(classes)) {
          expect(commandOf(press(key), classKeys(classes))).toEqual({ do: "class", label });
        }
      }),
    );
  });

  test("capitals do the same; the browser keeps what is its own", () => {
    const keys = classKeys(balls);
    expect(commandOf(press("K", { shiftKey: true }), keys)).toEqual({ do: "keep" });
    expect(commandOf(press("ArrowDown", { shiftKey: true }), keys)).toEqual({ do: "move", by: "down", extend: true });
    expect(commandOf(press("a", { metaKey: true }), keys)).toEqual({ do: "all" });
    expect(commandOf(press("z", { ctrlKey: true }), keys)).toEqual({ do: "undo" });
    for (const key of ["c", "x", "k", "1", "ArrowLeft"])
      expect(commandOf(press(key, { ctrlKey: true }), keys)).toBeUndefined();
    for (const key of ["ArrowLeft", "1"]) expect(commandOf(press(key, { altKey: true }), keys)).toBeUndefined();
    for (const key of ["q", "Tab", "F5", "Shift"]) expect(commandOf(press(key), keys)).toBeUndefined();
  });
});

describe("view", () => {
  const photo = (
    id: number,
    label: string,
    kinds: string[],
    more: Partial<Photo["state"]> = {},
    suggested?: string,
  ): Photo => ({
    id,
    label,
    kinds,
    sha256: "",
    file: `${label}/${id}.jpg`,
    part: id % 2 === 0 ? "train" : "valid",
    compares: false,
    suggestion: suggested === undefined ? { action: "look" } : { action: "relabel", label: suggested },
    state: { decision: null, open: true, missing: null, ...more },
  });
  const kept = { decision: { action: "keep", who: "ada", at: "" }, open: false } as const;
  const photos = [
    photo(0, "Golf", ["label"], {}, "Tennis"),
    photo(1, "Golf", ["dark", "label"], kept),
    photo(2, "Tennis", ["copy"], { open: false, missing: "gone" }),
    photo(3, "Rugby", ["sticker"], { ...kept, open: true }),
  ];
  const ids = (filter: object) => inView(photos, { ...NO_FILTER, ...filter });

  test("open, decided, all; what is asked again is both", () => {
    expect([ids({}), ids({ show: "decided" }), ids({ show: "all" })]).toEqual([
      [0, 3],
      [1, 3],
      [0, 1, 2, 3],
    ]);
    expect(countsOf(photos, NO_FILTER)).toEqual({ open: 2, decided: 2, all: 4 });
  });

  test("a class is who is called so and who might be; reasons and parts", () => {
    expect(ids({ show: "all", label: "Tennis" })).toEqual([0, 2]);
    expect(ids({ show: "all", kind: "label" })).toEqual([0, 1]);
    expect(ids({ show: "all", kind: "sticker", part: "valid" })).toEqual([3]);
  });

  test("the cursor goes to the next open photo, around the end, or stays", () => {
    expect(nextOpen([0, 1, 2, 3], photos, 0)).toBe(3);
    expect(nextOpen([0, 1, 2, 3], photos, 3)).toBe(0);
    expect(nextOpen([1, 2], photos, 1)).toBe(1);
    expect(nextOpen([], photos, 0)).toBe(0);
  });

  test("a photo comes back to where it was", () => {
    expect([placeFor([0, 5, 9], 7), placeFor([0, 5, 9], 10), placeFor([], 3)]).toEqual([2, 3, 0]);
  });
});
