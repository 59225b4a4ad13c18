// The one input of /predict in all the forms that clients send it, to the bytes of a photo.

import { fail } from "@ballsight/vision";
import { decodeBase64, decodeDataUrl, isDataUrl } from "../dataUrl.ts";
import { describe } from "../http/body.ts";
import type { Services } from "../http/services.ts";

/** What errors call the input. */
const NAME = "image";

/**
 * The bytes are the caller's own.
 * @throws UPLOAD_UNKNOWN, UPLOAD_FAILED, URL_REFUSED, URL_FAILED, REQUEST_INVALID, FILE_TOO_LARGE
 */
export async function photoOf(
  value: unknown,
  { uploads, remote, maxBytes }: Services,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const failed = (received: string) => fail("UPLOAD_FAILED", { name: NAME, received, limit: maxBytes });
  const fromUrl = (url: string) =>
    remote?.fetch(url, NAME, signal) ??
    fail("URL_REFUSED", { name: NAME, reason: "this server was started without --allow-urls" });

  if (typeof value === "string") {
    if (isDataUrl(value)) return decodeDataUrl(value, NAME, maxBytes);
    if (isWebUrl(value)) return fromUrl(value);
    // Clients of 2023 send bare base64 from Node.
    return decodeBase64(value, NAME, maxBytes);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return failed(describe(value));
  const { path, url } = value as { readonly path?: unknown; readonly url?: unknown };
  if (typeof path === "string" && path !== "") {
    // Never a file of this machine: only what this server's upload gave out is looked up.
    return isWebUrl(path) ? fromUrl(path) : uploads.get(path, NAME);
  }
  if (typeof url === "string" && url !== "") {
    return isDataUrl(url) ? decodeDataUrl(url, NAME, maxBytes) : fromUrl(url);
  }
  // What @gradio/client sends when its upload was refused: {} for a Blob, a command for a path.
  return failed("command" in value ? "a file that was not uploaded" : "an object without `path` and `url`");
}

const isWebUrl = (text: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
