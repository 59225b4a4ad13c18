// What coordinator and workers make of each other's words: folders under other names, shards side by side, answers that are none.

import { describe, expect, test } from "vitest";
import { answerOf, collectShardOf } from "../../src/collect/shardAnswer.ts";
import { predictResultOf, predictShardOf } from "../../src/predict/shard.ts";
import { Company } from "../../src/queue/company.ts";
import { placeOf } from "../../src/queue/place.ts";

describe("placeOf", () => {
  test("the longest folder that fits, whole names alone", () => {
    const place = placeOf(["/data=/mnt/data", "/data/photos=/fast", "/x/=/y"]);
    expect(place("/data/a.jpg")).toBe("/mnt/data/a.jpg");
    expect(place("/data/photos/a.jpg")).toBe("/fast/a.jpg");
    expect(place("/data/photos")).toBe("/fast");
    expect(place("/data/photos2/a.jpg")).toBe("/mnt/data/photos2/a.jpg");
    expect(place("/data/..foo/a.jpg")).toBe("/mnt/data/..foo/a.jpg");
    expect(place("/x/a.jpg")).toBe("/y/a.jpg");
  });

  test("is a fence where there is one", () => {
    expect(placeOf([])("/etc/passwd")).toBe("/etc/passwd");
    const place = placeOf(["/data=/mnt/data"]);
    for (const path of ["/etc", "/database/a.jpg", "/data/../etc", "/"]) {
      expect(() => place(path)).toThrow(expect.objectContaining({ code: "SHARD_FOLDER" }));
    }
  });

  test.each(["/data", "data=/mnt", "/data=", "/a=/b=/c"])("%s is none", (map) => {
    expect(() => placeOf([map])).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
  });
});

describe("Company", () => {
  test("who goes alone waits for the others, and nobody comes in meanwhile", async () => {
    const company = new Company();
    const [first, second] = [await company.enter(false), await company.enter(false)];
    let isInside = false;
    const alone = company.enter(true).then((leave) => {
      isInside = true;
      return leave;
    });
    first?.();
    for (let i = 0; i < 5; i++) await Promise.resolve();
    expect(isInside).toBe(false);
    expect(await company.enter(false)).toBeUndefined();
    expect(await company.enter(true)).toBeUndefined();
    second?.();
    const leave = await alone;
    expect(await company.enter(false)).toBeUndefined();
    leave?.();
    expect(await company.enter(false)).toBeTypeOf("function");
  });
});

const ID = "0b51a3a2-93a5-4a44-8a0d-6c2f1a0d7f11";
const PHOTOS = `${ID}.5d1ed3cb-1f4c-4b0e-9a3f-0a2c5d9e7b66`;
const PHOTO = {
  status: "ok",
  sha256: "ab".repeat(32),
  extension: ".jpg",
  width: 640,
  height: 480,
  look: { hashes: [{ high: 4_000_000_000, low: -5 }], sketch: Buffer.alloc(256, 7).toString("base64") },
  temporary: "abababababababab.17-3.part",
};
const OTHER = { status: "worker-failed", reason: "an answer of another kind" };

describe("an answer of collect's workers", () => {
  test("is taken without what does not belong in it", () => {
    const outcomes = [
      { ...PHOTO, label: "x", event: "found" },
      { ...PHOTO, look: { ...PHOTO.look, hashes: [] } },
      { status: "dead", reason: "404", url: "x", file: "/etc/passwd" },
      { status: "postponed", reason: "later" },
    ];
    expect(answerOf(ID, { photos: PHOTOS, outcomes })).toEqual({
      photos: PHOTOS,
      outcomes: [PHOTO, outcomes[1], { status: "dead", reason: "404" }, { status: "postponed", reason: "later" }],
    });
  });

  test("leads to no other place and breaks nothing", () => {
    const outcomes = [
      null,
      "ok",
      { ...PHOTO, extension: "/../../../../x" },
      { ...PHOTO, sha256: "../../etc" },
      { ...PHOTO, temporary: ".." },
      { ...PHOTO, temporary: "../../ledger.jsonl" },
      { ...PHOTO, width: 0 },
      { ...PHOTO, height: 1.5 },
      { ...PHOTO, look: null },
      { ...PHOTO, look: { ...PHOTO.look, sketch: "AAAA" } },
      { ...PHOTO, look: { ...PHOTO.look, hashes: [{ high: "0" }] } },
      { status: "duplicate-of", reason: "x" },
      { status: "constructor", reason: "x" },
      { status: "dead" },
    ];
    expect(answerOf(ID, { photos: PHOTOS, outcomes })?.outcomes).toEqual(outcomes.map(() => OTHER));
    for (const photos of ["../..", `${ID}.x/../..`, `${ID}.`, PHOTOS.slice(1)]) {
      expect(answerOf(ID, { photos, outcomes: [PHOTO] })).toBeUndefined();
    }
    for (const value of [null, 1, [], { photos: PHOTOS }]) expect(answerOf(ID, value)).toBeUndefined();
  });
});

test("an answer of predict's workers", () => {
  const answers = [{ top: [{ label: "a", confidence: 0.5 }] }, { error: { code: "EMPTY_FILE", message: "m" } }];
  expect(predictResultOf({ labels: ["a"], answers })).toEqual({ labels: ["a"], answers });
  for (const answer of [null, {}, { top: [1] }, { top: [{ label: 1, confidence: 1 }] }, { error: "x" }]) {
    expect(predictResultOf({ labels: ["a"], answers: [answer] })).toBeUndefined();
  }
  for (const value of [null, [], { labels: [1], answers }, { labels: ["a"] }]) {
    expect(predictResultOf(value)).toBeUndefined();
  }
});

describe("what a worker is asked for", () => {
  const settings = { minSide: 128, perHost: 2, contact: "me@example.org", robots: false, ignoreOptOut: false };
  const candidates = [{ label: "a", url: "https://example.org/1.jpg", source: "urls" }];
  const refused = expect.objectContaining({ code: "SHARD_INVALID" });

  test("is within what the command allows", () => {
    const shard = { candidates, settings };
    expect(collectShardOf(shard)).toBe(shard);
    const wrong = [
      { perHost: 65 },
      { perHost: 0 },
      { perHost: "x" },
      { minSide: -1 },
      { contact: "a\r\nX: b" },
      { robots: 1 },
    ];
    for (const one of wrong)
      expect(() => collectShardOf({ candidates, settings: { ...settings, ...one } })).toThrow(refused);
    const many = Array.from({ length: 25 }, () => candidates[0]);
    for (const one of [many, [null], [{ label: "a" }], {}]) {
      expect(() => collectShardOf({ candidates: one, settings })).toThrow(refused);
    }
    for (const content of [null, {}, { candidates }]) expect(() => collectShardOf(content)).toThrow(refused);
  });

  test("of predict too", () => {
    const shard = { photos: [{ name: "a", path: "/a" }], top: 3, modelHash: "0a".repeat(32) };
    expect(predictShardOf(shard)).toBe(shard);
    const wrong = [
      { photos: Array.from({ length: 33 }, () => shard.photos[0]) },
      { photos: [{ name: "a", path: "a" }] },
      { top: 0 },
      { top: "3" },
      { model: "relative" },
      { modelHash: "x" },
    ];
    for (const one of wrong) expect(() => predictShardOf({ ...shard, ...one })).toThrow(refused);
  });
});
