// Photos in text: data URLs (RFC 2397) and bare base64.

import { fail } from "@ballsight/vision";

const DATA_URL = /^data:([^,]{0,200}),/i;

export const isDataUrl = (text: string): boolean => /^data:/i.test(text);

/** @throws REQUEST_INVALID, FILE_TOO_LARGE */
export function decodeDataUrl(text: string, name: string, limit: number): Uint8Array<ArrayBuffer> {
  const head = DATA_URL.exec(text);
  if (head === null || !/;\s*base64$/i.test(head[1] as string)) {
    return fail("REQUEST_INVALID", { name, expected: "a data URL in base64", received: "another" });
  }
  return decodeBase64(text.slice(head[0].length), name, limit);
}

/** @throws REQUEST_INVALID, FILE_TOO_LARGE */
export function decodeBase64(text: string, name: string, limit: number): Uint8Array<ArrayBuffer> {
  const size = Math.floor((text.length * 3) / 4);
  if (size > limit + 2) fail("FILE_TOO_LARGE", { name, limit, received: size });
  // Buffer.from passes over what is no base64; a photo would then be called damaged.
  if (!/^[\w+/-]*={0,2}$/.test(text) || text === "") {
    return fail("REQUEST_INVALID", { name, expected: "base64", received: text === "" ? "nothing" : "other text" });
  }
  return new Uint8Array(Buffer.from(text, "base64"));
}
