// Downloads with progress, whole or not at all.

/** Thrown for what the network did not bring; `message` is for people. */
export class FetchError extends Error {
  override readonly name = "FetchError";
}

/** The program's own parts come over the network too: `what` is what an error calls one that did not. */
export async function fetched<T>(part: Promise<T>, what: string): Promise<T> {
  try {
    return await part;
  } catch (cause) {
    throw new FetchError(`${what} cannot be fetched; check the connection`, { cause });
  }
}

/** @param size what the file should have, bytes; 0 where unknown. A server's content-length counts what is compressed. */
export async function download(
  url: string,
  size: number,
  onProgress: (loaded: number, total: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const name = new URL(url).pathname.split("/").at(-1);
  let response: Response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw new FetchError(`${name} cannot be fetched; check the connection`, { cause });
  }
  if (!response.ok || response.body === null)
    throw new FetchError(`${name} cannot be fetched (HTTP ${response.status})`);
  // Hosts of one-page applications answer every address with their page.
  if (response.headers.get("content-type")?.startsWith("text/html")) {
    throw new FetchError(`a web page came where ${name} should be`);
  }
  const parts: Uint8Array[] = [];
  let loaded = 0;
  onProgress(0, size);
  try {
    for (const reader = response.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      loaded += value.byteLength;
      onProgress(loaded, Math.max(size, loaded));
    }
  } catch (cause) {
    throw new FetchError(`${name} broke off after ${loaded} bytes; check the connection`, { cause });
  }
  const whole = new Uint8Array(loaded);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
