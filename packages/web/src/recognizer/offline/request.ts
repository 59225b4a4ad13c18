// What the page asks of its service worker.

export interface KeepRequest {
  /** Absolute: exactly these are kept. */
  readonly urls: readonly string[];
}
