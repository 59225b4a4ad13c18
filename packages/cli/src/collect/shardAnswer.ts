// What goes over the queue, looked at before it is believed: Redis and the shards' folder are open to others.

import { fail } from "@ballsight/vision";
import { parseLook } from "./distinct.ts";
import type { Outcome } from "./download/download.ts";
import { isStatus, type Status } from "./photo.ts";
import { isContact, RANGES } from "./settings.ts";
import { type CollectShard, type CollectShardResult, SHARD_SIZE, type ShardOutcome } from "./shard.ts";

/** @throws SHARD_INVALID */
export function collectShardOf(content: unknown): CollectShard {
  const { candidates, settings } = fieldsOf(content);
  const { minSide, perHost, contact, robots, ignoreOptOut } = fieldsOf(settings);
  const isRight =
    Array.isArray(candidates) &&
    candidates.length <= SHARD_SIZE &&
    candidates.every((one) => {
      const { label, url, source } = fieldsOf(one);
      return [label, url, source].every((text) => typeof text === "string");
    }) &&
    isWithin(minSide, RANGES.minSide) &&
    isWithin(perHost, RANGES.perHost) &&
    typeof contact === "string" &&
    isContact(contact) &&
    typeof robots === "boolean" &&
    typeof ignoreOptOut === "boolean";
  return isRight ? (content as CollectShard) : fail("SHARD_INVALID", { received: "something else" });
}

const isWithin = (value: unknown, [from, to]: readonly [number, number]): boolean =>
  Number.isInteger(value) && (value as number) >= from && (value as number) <= to;

/** Undefined where it is no answer to the shard; its outcomes may still be none. */
export function answerOf(id: string, value: unknown): CollectShardResult | undefined {
  const { photos, outcomes } = fieldsOf(value);
  if (typeof photos !== "string" || !Array.isArray(outcomes)) return undefined;
  return photos.startsWith(`${id}.`) && /^[\da-f-]{36}$/.test(photos.slice(id.length + 1))
    ? { photos, outcomes: outcomes.map(outcomeOf) }
    : undefined;
}

/** What comes of a download and nothing else, least of all a path to somewhere else. */
function outcomeOf(value: unknown): ShardOutcome {
  const { status, reason, ...photo } = fieldsOf(value);
  if (status === "ok") return photoOf(photo) ?? OTHER;
  if (typeof reason !== "string") return OTHER;
  if (status === "postponed") return { status, reason };
  const isRefusal = typeof status === "string" && isStatus(status) && status !== "ok" && status !== "duplicate-of";
  return isRefusal ? { status, reason } : OTHER;
}

const OTHER: Outcome & { readonly status: Exclude<Status, "ok"> } = {
  status: "worker-failed",
  reason: "an answer of another kind",
};

function photoOf(photo: Readonly<Record<string, unknown>>): ShardOutcome | undefined {
  const { sha256, extension, width, height, look, temporary } = photo;
  if (typeof sha256 !== "string" || !/^[\da-f]{64}$/.test(sha256)) return undefined;
  if (typeof extension !== "string" || !/^\.[a-z\d]{1,8}$/.test(extension)) return undefined;
  if (typeof temporary !== "string" || !/^[\da-f]{16}\.\d+-\d+\.part$/.test(temporary)) return undefined;
  if (!isWithin(width, SIDES) || !isWithin(height, SIDES)) return undefined;
  const { hashes, sketch } = fieldsOf(look);
  if (!Array.isArray(hashes) || hashes.length > 8 || !hashes.every(isHash)) return undefined;
  if (typeof sketch !== "string" || parseLook({ phash: "0".repeat(16), sketch }) === undefined) return undefined;
  return {
    status: "ok",
    sha256,
    extension,
    width: width as number,
    height: height as number,
    look: { hashes: hashes.map(({ high, low }) => ({ high, low })), sketch },
    temporary,
  };
}

const SIDES = [1, 1_000_000_000] as const;

function isHash(value: unknown): boolean {
  const { high, low } = fieldsOf(value);
  return [high, low].every((word) => isWithin(word, [-(2 ** 31), 2 ** 32 - 1]));
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? { ...value } : {};
