// The review page without a browser: what keys mean, what is in view, and the address that remembers it.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Photo } from "../../src/review/api.ts";
import { type Command, classKeys, commandOf, repeats } from "../../src/review/keys.ts";
import { comparing, countsOf, inView, NO_FILTER, nextOpen, placeFor } from "../../src/review/view.ts";

const press = (key: string, more: Partial<Record<"shiftKey" | "ctrlKey" | "metaKey" | "altKey", boolean>> = {}) => ({
  key,
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  ...more,
});

const balls = "Baseball Basketball Billiards Bowling Cricket Football Golf Rugby Tennis Volleyball".split(" ");

describe("keys", () => {
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

test("a key that is held down moves on, and decides nothing", () => {
  const keys = classKeys(balls);
  const does = (key: string) => repeats(commandOf(press(key), keys) as Command);
  expect(["ArrowLeft", "ArrowDown", "End"].map(does)).toEqual([true, true, true]);
  expect(["Enter", "k", "x", "1", "u", "a", " "].map(does)).toEqual(Array(7).fill(false));
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
    const byId = comparing(photos, NO_FILTER);
    expect([placeFor([0, 5, 9], 7, byId), placeFor([0, 5, 9], 10, byId), placeFor([], 3, byId)]).toEqual([2, 3, 0]);
  });

  test("the largest losses first, what nobody judged last, and a photo comes back to its place there", () => {
    const losses = [0.5, undefined, 4, 2];
    const costly = photos.map((one, i) => (losses[i] === undefined ? one : { ...one, loss: losses[i] }));
    const filter = { ...NO_FILTER, show: "all", order: "loss" } as const;
    expect(inView(costly, filter)).toEqual([2, 3, 0, 1]);
    expect(inView(costly, { ...filter, part: "train" })).toEqual([2, 0]);
    expect(placeFor([2, 0, 1], 3, comparing(costly, filter))).toBe(1);
  });

  test("a copy under another label belongs to that class too", () => {
    const pair = [{ ...photo(0, "Golf", ["conflict"]), rival: "Rugby" }];
    expect(inView(pair, { ...NO_FILTER, label: "Rugby" })).toEqual([0]);
    expect(inView(pair, { ...NO_FILTER, label: "Tennis" })).toEqual([]);
  });
});
