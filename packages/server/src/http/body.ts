// Bodies of requests, never more than their limit in memory, and all together never more than a budget.

import { BallsightError, fail } from "@ballsight/vision";
import type { z } from "zod";
import type { ServerContext } from "./services.ts";

/** Bytes of bodies on their way in; slow senders of large photos must not fill the memory together. */
export class ByteBudget {
  readonly #limit: number;
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws SERVER_BUSY */
  take(bytes: number): void {
    if (this.#used > 0 && this.#used + bytes > this.#limit) {
      fail("SERVER_BUSY", { limit: this.#limit, what: "bytes of uploads", seconds: 1 });
    }
    this.#used += bytes;
  }

  give(bytes: number): void {
    this.#used -= bytes;
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
  const reader = (stream as ReadableStream<Uint8Array>).getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (size + value.byteLength > limit) tooLarge(limit, `more than ${limit}`);
      budget.take(value.byteLength);
      size += value.byteLength;
      chunks.push(value);
    }
  } catch (cause) {
    if (cause instanceof BallsightError) throw cause;
    fail("CLIENT_LEFT", { name: "the request" }, { cause });
  } finally {
    budget.give(size);
    // Not cancelled: that would cut the connection before the refusal is read. The adapter drains a moderate rest.
    reader.releaseLock();
  }
  const all = new Uint8Array(size);
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

/** @throws REQUEST_INVALID */
export function parseJson<Schema extends z.ZodType>(bytes: Uint8Array, schema: Schema, name: string): z.infer<Schema> {
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
