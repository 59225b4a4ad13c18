// Who downloads the candidates: this process, or workers behind a queue (remote.ts).

import { unlink } from "node:fs/promises";
import { type Downloaded, type DownloadSettings, download, type Outcome } from "./download/download.ts";
import type { Candidate } from "./photo.ts";

export interface Downloads {
  /** @throws what `signal` was aborted with; errors of the disk */
  get(candidate: Candidate, signal: AbortSignal): Promise<Outcome>;
  /** The photo was decided and is not taken. */
  discard(photo: Downloaded): Promise<void>;
  /** Nobody decided about the photo: it is not needed, or the run was stopped. */
  leave(photo: Downloaded): Promise<void>;
  /** @param finished false where the run was stopped and the same command may go on */
  close(finished: boolean): Promise<void>;
}

export class LocalDownloads implements Downloads {
  readonly #settings: DownloadSettings;

  constructor(settings: DownloadSettings) {
    this.#settings = settings;
  }

  async get(candidate: Candidate, signal: AbortSignal): Promise<Outcome> {
    return await download(candidate, this.#settings, signal);
  }

  async discard({ temporary }: Downloaded): Promise<void> {
    await unlink(temporary).catch(() => undefined);
  }

  async leave(photo: Downloaded): Promise<void> {
    await this.discard(photo);
  }

  async close(): Promise<void> {
    // Nothing of it is left.
  }
}
