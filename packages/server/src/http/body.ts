// Bodies of requests, never more than their limit in memory, and all together never more than a budget.

import { BallsightError, fail } from "@ballsight/vision";
import type { z } from "zod";
import { clientOf, isLoopback } from "./client.ts";
import type { ServerContext } from "./services.ts";

/** The budget's part that one client may have. */
const CLIENT_SHARE = 4;

/**
 * Bytes of bodies on their way in: slow senders of large ones must not fill the memory together, nor one of them the room of all.
 * Programs on this very machine have no share of their own, unless they are proxies.
 */
export class ByteBudget {
  /** Of one client, bytes. */
  readonly share: number;
  readonly #limit: number;
  readonly #clients = new Map<string, number>();
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
    this.share = limit / CLIENT_SHARE;
  }

  /** @throws SERVER_BUSY */
  take(client: string, bytes: number): void {
    const own = this.#clients.get(client) ?? 0;
    if (own > 0 && own + bytes > this.share && !isLoopback(client)) {
      fail("SERVER_BUSY", { limit: this.share, what: "bytes of uploads from one client", seconds: 1 });
    }
    if (this.#used > 0 && this.#used + bytes > this.#limit) {
      fail("SERVER_BUSY", { limit: this.#limit, what: "bytes of uploads", seconds: 1 });
    }
    this.#used += bytes;
    this.#clients.set(client, own + bytes);
  }

  give(client: string, bytes: number): void {
    this.#used -= bytes;
    const left = (this.#clients.get(client) ?? 0) - bytes;
    if (left > 0) this.#clients.set(client, left);
    else this.#clients.delete(client);
  }
}

/**
 * The whole body in a buffer of its own.
 * @throws FILE_TOO_LARGE, by the declared length where there is one; SERVER_BUSY; CLIENT_LEFT
 */
export async function readBody(c: ServerContext, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const declared = Number(c.req.header("content-length") ?? 0);
  if (declared > limit) tooLarge(limit, declared);
  const stream = c.req.raw.body;
  if (stream === null) return new Uint8Array();
  const { budget } = c.var.services;
  const client = clientOf(c);
  const reader = (stream as ReadableStream<Uint8Array>).getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (size + value.byteLength > limit) tooLarge(limit, `more than ${limit}`);
      budget.take(client, value.byteLength);
      size += value.byteLength;
      chunks.push(value);
    }
  } catch (cause) {
    if (cause instanceof BallsightError) throw cause;
    fail("CLIENT_LEFT", { name: "the request" }, { cause });
  } finally {
    budget.give(client, size);
    // Not cancelled: that would cut the connection before the refusal is read. The adapter drains a moderate rest.
    reader.releaseLock();
  }
  return joined(chunks);
}

/** In a buffer of their own, which a worker may take. */
export function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}

function tooLarge(limit: number, received: number | string): never {
  return fail("FILE_TOO_LARGE", { name: "the request", limit, received });
}

/** Room for what goes round a photo in base64 (4/3) in JSON. */
export const jsonLimit = (maxBytes: number) => Math.ceil((maxBytes * 4) / 3) + 64 * 1024;

/** @throws REQUEST_INVALID; as `readBody` */
export async function readJson<Schema extends z.ZodType>(c: ServerContext, schema: Schema): Promise<z.infer<Schema>> {
  return parseJson(await readBody(c, jsonLimit(c.var.services.maxBytes)), schema, "the body");
}

export interface JsonLimits {
  /** Of arrays and objects together. */
  readonly values: number;
  /** Arrays and objects. */
  readonly nested: number;
  /** Told how many values there are before they are made. */
  readonly onCounted?: (values: number) => void;
}

/** A photo in base64 is one value. Millions of small ones take seconds to be made, in which nobody else is answered. */
const JSON_LIMITS: JsonLimits = { values: 10_000, nested: 10_000 };

/** @throws REQUEST_INVALID */
export function parseJson<Schema extends z.ZodType>(
  bytes: Uint8Array,
  schema: Schema,
  name: string,
  limits = JSON_LIMITS,
): z.infer<Schema> {
  checkCounts(bytes, name, limits);
  const result = schema.safeParse(parsed(bytes, name));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path.map(String).join(".") ?? "";
  const expected = issue?.code === "invalid_type" ? issue.expected : (issue?.message ?? "something else");
  return fail("REQUEST_INVALID", {
    name: path === "" ? name : path,
    expected,
    received: issue === undefined ? "what does not fit" : describe(issue.input),
  });
}

/** Counts by separators, so those in texts as well: base64 has none. */
function checkCounts(bytes: Uint8Array, name: string, { values, nested, onCounted }: JsonLimits): void {
  const found = count(bytes, [",", ":"], values);
  if (found > values || count(bytes, ["[", "{"], nested) > nested) {
    fail("REQUEST_INVALID", { name, expected: `at most ${values} values in JSON`, received: "more" });
  }
  onCounted?.(found);
}

/** Stops at one more than `most`. */
function count(bytes: Uint8Array, characters: readonly string[], most: number): number {
  let found = 0;
  for (const character of characters) {
    const code = character.charCodeAt(0);
    for (let at = bytes.indexOf(code); at !== -1; at = bytes.indexOf(code, at + 1)) {
      if (++found > most) return found;
    }
  }
  return found;
}

function parsed(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    const received = bytes.length === 0 ? "0 bytes" : "what is no JSON";
    return fail("REQUEST_INVALID", { name, expected: "a JSON object", received }, { cause });
  }
}

/** A value in a word or two: what a stranger sent is never repeated at length. */
export function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null || typeof value === "boolean" || typeof value === "number") return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "string") return value.length <= 40 ? `"${value}"` : `text of ${value.length} characters`;
  return "an object";
}
