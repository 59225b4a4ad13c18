// multipart/form-data (RFC 7578) out of a body that is in memory: the files of few parts, nothing of it on the disk.

import { BallsightError } from "@ballsight/vision";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import { joined } from "./body.ts";

export interface FilePart {
  /** As the client says; shown in errors and nowhere else. */
  readonly filename: string;
  /** In a buffer of its own. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Room for the parts' headers around a photo. */
export const MULTIPART_BYTES = 64 * 1024;

const MAX_PARTS = 16;
const LIMITS = { parts: MAX_PARTS, headerPairs: 32, headerSize: 8 * 1024, fieldSize: MULTIPART_BYTES };

/** Parts that are values and no files are passed over: no route asks for one. @throws REQUEST_INVALID */
export async function filesOf(body: Uint8Array, contentType: string): Promise<FilePart[]> {
  const form = open(contentType);
  const files: FilePart[] = [];
  await new Promise<void>((resolve, reject) => {
    form.on("file", (_field, stream, filename: string | undefined) => {
      const chunks: Uint8Array[] = [];
      // A part that the body ends in fails here too; the form says so.
      stream.on("error", () => undefined);
      stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      stream.on("end", () => files.push({ filename: (filename ?? "").slice(0, 100), bytes: joined(chunks) }));
    });
    form.on("partsLimit", () => reject(wrong(`at most ${MAX_PARTS} parts`, "more")));
    form.on("error", () => reject(wrong("parts between delimiters, and one at the end", "what is none")));
    form.on("finish", resolve);
    form.end(body);
  });
  return files;
}

function open(contentType: string): BusboyInstance {
  try {
    return new Busboy({ headers: { "content-type": contentType }, limits: LIMITS, preservePath: true });
  } catch {
    throw wrong("a boundary in its content-type", "none");
  }
}

function wrong(expected: string, received: string): BallsightError {
  return new BallsightError("REQUEST_INVALID", { name: "the multipart body", expected, received });
}
