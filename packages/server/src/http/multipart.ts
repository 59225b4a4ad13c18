// multipart/form-data (RFC 7578) out of a body that is in memory: the files of few parts, nothing of it on the disk.

import { fail } from "@ballsight/vision";

export interface FilePart {
  /** The field's name. */
  readonly field: string;
  /** As the client says; shown in errors and nowhere else. */
  readonly filename: string;
  /** In a buffer of its own. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const MAX_PARTS = 16;
const MAX_HEADER_BYTES = 8 * 1024;
const HEADERS_END = Buffer.from("\r\n\r\n");

/** @throws REQUEST_INVALID */
export function filesOf(body: Uint8Array, contentType: string): FilePart[] {
  const boundary = /;\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType);
  if (boundary === null) return wrong("a boundary in its content-type", "none");
  const delimiter = Buffer.from(`\r\n--${boundary[1] ?? boundary[2]}`, "latin1");
  const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  // The first delimiter has no line break before it where there is no preamble.
  const first = delimiter.subarray(2);
  const files: FilePart[] = [];
  let at = buffer.subarray(0, first.length).equals(first) ? first.length : after(buffer, delimiter, 0);
  for (let parts = 0; !isLast(buffer, at); parts++) {
    if (parts === MAX_PARTS) return wrong(`at most ${MAX_PARTS} parts`, "more");
    const head = buffer.indexOf("\r\n", at);
    const headersEnd = head === -1 ? -1 : buffer.indexOf(HEADERS_END, head);
    if (headersEnd === -1 || headersEnd - at > MAX_HEADER_BYTES) return wrong("whole headers of each part", "none");
    const next = buffer.indexOf(delimiter, headersEnd + 2);
    if (next === -1) return wrong("a delimiter behind each part", "a body that ends before it");
    const content = buffer.subarray(Math.min(headersEnd + HEADERS_END.length, next), next);
    const part = fileOf(buffer.toString("utf8", head, headersEnd), content);
    if (part !== undefined) files.push(part);
    at = next + delimiter.length;
  }
  return files;
}

function after(buffer: Buffer, delimiter: Buffer, from: number): number {
  const found = buffer.indexOf(delimiter, from);
  return found === -1 ? wrong("the boundary that its content-type names", "none of it") : found + delimiter.length;
}

function isLast(buffer: Buffer, at: number): boolean {
  return buffer[at] === 0x2d && buffer[at + 1] === 0x2d;
}

function fileOf(headers: string, content: Buffer): FilePart | undefined {
  const disposition = /^content-disposition:\s*form-data\b(.*)$/im.exec(headers)?.[1] ?? "";
  const field = parameter(disposition, "name");
  const filename = parameter(disposition, "filename");
  // A field without a file name is a value, which no route asks for.
  if (field === undefined || filename === undefined) return undefined;
  return { field, filename: filename.slice(0, 100), bytes: new Uint8Array(content) };
}

function parameter(disposition: string, name: string): string | undefined {
  const match = new RegExp(`;\\s*${name}=(?:"([^"]*)"|([^\\s;]*))`, "i").exec(disposition);
  return match === null ? undefined : (match[1] ?? match[2]);
}

function wrong(expected: string, received: string): never {
  return fail("REQUEST_INVALID", { name: "the multipart body", expected, received });
}
