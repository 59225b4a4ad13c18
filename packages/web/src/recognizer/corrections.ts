// What a person said a photo really is, as a file or a message to whoever trains the next model.

import type { PagePhoto } from "./photos.ts";

export interface Correction {
  readonly version: 1;
  readonly made_at: string;
  /** What it is, as a person says. */
  readonly label: string;
  readonly answered: { readonly label: string; readonly confidence: number; readonly by: string };
  readonly photo: {
    readonly file_name: string;
    readonly bytes: number;
    /** Null where the page is not served over https: browsers keep hashes for secure pages. */
    readonly sha256: string | null;
    /** The photo itself as a data URL, where the person let it go along. */
    readonly data: string | null;
  };
}

export async function correction(photo: PagePhoto, label: string, withPhoto: boolean): Promise<Correction> {
  const [best] = photo.answer?.confidences ?? [];
  return {
    version: 1,
    made_at: new Date().toISOString(),
    label,
    answered: { label: best?.label ?? "", confidence: best?.confidence ?? 0, by: photo.answer?.engine ?? "" },
    photo: {
      file_name: photo.name,
      bytes: photo.file.size,
      sha256: await sha256(photo.file),
      data: withPhoto ? await dataUrl(photo.file) : null,
    },
  };
}

async function sha256(file: Blob): Promise<string | null> {
  if (!isSecureContext) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function dataUrl(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

/** @throws Error in words */
export async function post(url: string, body: Correction): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`the server did not take it (HTTP ${response.status})`);
}
