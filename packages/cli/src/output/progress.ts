// How far it is, on stderr: a bar that redraws itself on a terminal, a plain line now and then elsewhere, nothing for --json.

import { clock } from "../run/history.ts";

export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface ProgressOptions {
  readonly stream: ProgressStream;
  /** `--json`: nothing is written at all. */
  readonly silent?: boolean;
  /** Gets what would be drawn, as often as a terminal does, in its place. */
  readonly relay?: (label: string, state: ProgressState) => void;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
}

export interface ProgressState {
  readonly done: number;
  /** Left away where nobody knows. */
  readonly total?: number;
  /** Of `done`, by an earlier run: it says nothing about the time that the rest takes. */
  readonly before?: number;
  /** Shown behind the times with four decimals; fastai's smoothed training loss. */
  readonly smoothLoss?: number;
  /** Behind it all. */
  readonly note?: string;
}

const BAR_WIDTH = 30;
const REDRAW_MS = 100;
const PLAIN_LINE_MS = 10_000;

/** fastai's text: `45.00% [9/20 00:04<00:05 1.2345]`. Times in seconds. */
export function progressText(
  { done, total, before = 0, smoothLoss, note = "" }: ProgressState,
  elapsed: number,
): string {
  if (total === undefined) return `[${done} ${clock(elapsed)}]`;
  const percent = total === 0 ? 100 : (100 * done) / total;
  const now = done - before;
  const remaining = now === 0 ? Number.POSITIVE_INFINITY : (elapsed / now) * (total - done);
  const loss = smoothLoss === undefined ? "" : ` ${Number.isNaN(smoothLoss) ? "nan" : smoothLoss.toFixed(4)}`;
  return `${percent.toFixed(2)}% [${done}/${total} ${clock(elapsed)}<${clock(remaining)}${loss}]${note && ` ${note}`}`;
}

/**
 * One bar at a time.
 * @example
 * progress.start("Epoch 1/5");
 * progress.update({ done: 9, total: 20, smoothLoss: 1.2345 });
 * progress.clear(); // before printing something else; the next update draws it again
 */
export class Progress {
  readonly #stream: ProgressStream;
  readonly #silent: boolean;
  readonly #relay: ProgressOptions["relay"];
  readonly #now: () => number;
  #label = "";
  #started = 0;
  #last = 0;
  #drawn = false;

  constructor({ stream, silent = false, relay, now = () => performance.now() }: ProgressOptions) {
    this.#stream = stream;
    this.#silent = silent;
    this.#relay = relay;
    this.#now = now;
  }

  get #isLive(): boolean {
    return this.#relay !== undefined || this.#stream.isTTY === true;
  }

  /** Begins a new count under this label; `elapsed` (seconds) when part of it was done before, as after `--resume`. */
  start(label: string, elapsed = 0): void {
    this.clear();
    this.#label = label;
    this.#started = this.#now() - elapsed * 1000;
    // On a terminal the first update shows at once; elsewhere short work prints no line at all.
    this.#last = this.#isLive ? Number.NEGATIVE_INFINITY : this.#now();
  }

  update(state: ProgressState): void {
    if (this.#silent && this.#relay === undefined) return;
    const now = this.#now();
    const everyMs = this.#isLive ? REDRAW_MS : PLAIN_LINE_MS;
    if (now - this.#last < everyMs && !(this.#isLive && state.done === state.total)) return;
    this.#last = now;
    if (this.#relay !== undefined) {
      this.#relay(this.#label, state);
      return;
    }
    const text = progressText(state, (now - this.#started) / 1000);
    if (!this.#stream.isTTY) {
      this.#stream.write(`${this.#label}: ${text}\n`);
      return;
    }
    const { done, total = Number.POSITIVE_INFINITY } = state;
    const filled = total === 0 ? BAR_WIDTH : Math.round((BAR_WIDTH * done) / total);
    const bar = `${this.#label}: |${"█".repeat(filled)}${"-".repeat(BAR_WIDTH - filled)}| ${text}`;
    // A line that wraps could not be drawn over: the bar goes first, then the end of the text.
    const width = (this.#stream.columns ?? 80) - 1;
    const fits = bar.length <= width ? bar : `${this.#label}: ${text}`.slice(0, width);
    this.#stream.write(`\r\x1b[K${fits}`);
    this.#drawn = true;
  }

  /** Takes the bar off the terminal. */
  clear(): void {
    if (!this.#drawn) return;
    this.#stream.write("\r\x1b[K");
    this.#drawn = false;
    this.#last = Number.NEGATIVE_INFINITY;
  }
}
