// Which shards are at work side by side in a worker: one that was there when a worker died goes alone, so that no others die with it again.

export class Company {
  #inside = 0;
  #isReserved = false;
  #onEmpty: (() => void) | undefined;

  /** Waits until the others have left where `alone`. Returns what to leave by; undefined where another is alone, or waits for it. */
  async enter(alone: boolean): Promise<(() => void) | undefined> {
    if (this.#isReserved) return undefined;
    this.#isReserved = alone;
    if (alone && this.#inside > 0) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
    }
    this.#inside++;
    return () => {
      if (alone) this.#isReserved = false;
      if (--this.#inside === 0) this.#onEmpty?.();
    };
  }
}
