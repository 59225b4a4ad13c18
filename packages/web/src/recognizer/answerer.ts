// Who answers: the API or the browser, behind one switch. Says truthfully of every photo where it went.

import type { Answer } from "@ballsight/vision";
import { AnswerError } from "./answerError.ts";
import { Device } from "./device/device.ts";
import type { Engine, HeatMap, Progress } from "./device/protocol.ts";
import { Server, ServerAway } from "./server/server.ts";
import type { SiteConfig, SiteModel } from "./siteConfig.ts";
import { Store } from "./store.ts";
import { hostWords, megabytes } from "./words.ts";

export type Mode = "auto" | "server" | "device";

export interface PhotoAnswer {
  /** Best first. */
  readonly confidences: readonly Answer[];
  readonly engine: Engine | "server";
  /** Over the API from the question to the answer; in the browser decoding and the model, without waiting for other photos. */
  readonly milliseconds: number;
  /** Address of the server that the photo was sent to, or may have been; null: it stayed on the device. */
  readonly sentTo: string | null;
  /** Why the server that answers otherwise was not asked. */
  readonly notSent?: string;
}

/** What can happen to a photo before its answer. */
export interface Leaving {
  /** The server is not waited for any longer; the browser answers. */
  readonly here: AbortSignal;
  /** Nobody wants the answer any more. `here` is aborted with it. */
  readonly gone: AbortSignal;
}

export interface AnswererState {
  readonly mode: Mode;
  readonly server: "none" | "unknown" | "connecting" | "up" | "away";
  /** Why the server is away. */
  readonly reason: string;
  readonly device: "none" | "idle" | "loading" | "ready" | "failed";
  readonly progress: Readonly<Partial<Record<Progress["part"], Progress>>>;
  readonly gpu: "off" | "checking" | "on";
  /** Why the GPU is not used although it was asked for. */
  readonly gpuReason: string;
}

/** After that long a server that was away is looked for again. */
const AWAY_MS = 60_000;

/** Each chunk of a download would draw the page anew. */
const PROGRESS_MS = 100;

export class Answerer {
  readonly state: Store<AnswererState>;
  readonly server: Server | undefined;
  readonly #device = new Device();
  readonly #model: SiteModel | null;
  #awaySince = Number.NEGATIVE_INFINITY;
  #progress: AnswererState["progress"] = {};
  #progressTimer: ReturnType<typeof setTimeout> | undefined;

  /** @param base the page's address, which the configuration's are relative to */
  constructor({ api, model, patience }: SiteConfig, base: string) {
    this.server = api === null ? undefined : new Server(new URL(api, base).href, patience);
    this.#model = model === null ? null : { ...model, url: new URL(model.url, base).href };
    this.state = new Store<AnswererState>({
      mode: "auto",
      server: this.server === undefined ? "none" : "unknown",
      reason: "",
      device: model === null ? "none" : "idle",
      progress: {},
      gpu: "off",
      gpuReason: "",
    });
  }

  /** Where the next photo will go first. */
  get place(): "server" | "device" {
    const { mode, server } = this.state.value;
    if (mode !== "auto") return mode;
    return server === "none" || (server === "away" && this.#model !== null) ? "device" : "server";
  }

  use(mode: Mode): void {
    this.state.set({ mode });
    if (mode !== "device" && this.state.value.server !== "up") void this.prepare();
  }

  /** Finds out at once whether the server is there, instead of at the first photo. */
  async prepare(): Promise<void> {
    await this.#connect().catch(() => undefined);
  }

  /** Rejects with an AbortError where `gone` says so, and computes nothing then. */
  async answer(photo: Blob, name: string, { here, gone }: Leaving): Promise<PhotoAnswer> {
    let sentTo: string | null = null;
    let notSent: string | undefined;
    if (this.server !== undefined && !this.#skipsServer()) {
      try {
        await this.#connect();
        // The switch may have been turned meanwhile.
        if (this.place === "device") throw new ServerAway("not asked", false);
        notSent = this.#tooLarge(this.server, photo);
        if (notSent === undefined) {
          const start = performance.now();
          const confidences = await this.server.answer(photo, name, here);
          return { confidences, engine: "server", milliseconds: performance.now() - start, sentTo: this.server.url };
        }
      } catch (error) {
        if (!(error instanceof ServerAway)) throw error;
        gone.throwIfAborted();
        if (error.sent) sentTo = this.server.url;
        // Impatience is no outage: the next photo is sent again.
        if (!here.aborted && this.place === "server") this.#goneAway(error);
        if (this.state.value.mode === "server" || this.#model === null)
          throw new AnswerError("SERVER_AWAY", awayWords(this.server, error));
      }
    }
    gone.throwIfAborted();
    await this.load();
    gone.throwIfAborted();
    const answer = await this.#device.ask("answer", { photo, name });
    return { ...answer, sentTo, ...(notSent !== undefined && { notSent }) };
  }

  /** Says why the server would refuse a photo that the browser takes; throws where nobody else may answer. */
  #tooLarge({ largest, url }: Server, { size }: Blob): string | undefined {
    if (size <= largest) return undefined;
    const words = `${hostWords(url)} takes photos of at most ${megabytes(largest)}`;
    if (this.#model !== null && this.state.value.mode !== "server") return words;
    const advice = this.#model === null ? "scale it down" : "scale it down, or let this device answer";
    throw new AnswerError("FILE_TOO_LARGE", `${words} but this one has ${megabytes(size)}; ${advice}.`);
  }

  /** Always in the browser: Gradio's protocol has no maps. */
  async explain(photo: Blob, name: string, label: string): Promise<HeatMap> {
    await this.load();
    return this.#device.ask("explain", { photo, name, label });
  }

  /** Runtime and model into the browser; at once where they are there. */
  async load(): Promise<void> {
    if (this.#model === null)
      throw new AnswerError("NO_MODEL", "This page has no model of its own; only its server answers.");
    if (this.state.value.device !== "ready") this.state.set({ device: "loading" });
    try {
      await this.#device.ask("load", { model: this.#model }, this.#onProgress);
      this.state.set({ device: "ready" });
    } catch (error) {
      this.state.set({ device: "failed" });
      throw error;
    } finally {
      this.#endProgress();
    }
  }

  /** @param probe brings a photo that GPU and wasm must agree on; undefined where there is none yet */
  async useGpu(probe: () => Promise<Blob | undefined>): Promise<void> {
    this.state.set({ gpu: "checking", gpuReason: "" });
    try {
      const photo = await probe();
      if (photo === undefined) throw new Error("bring a photo first, to compare the answers");
      await this.load();
      const check = await this.#device.ask("tryGpu", { photo, name: "example" }, this.#onProgress);
      this.state.set({ gpu: check.used ? "on" : "off", gpuReason: check.used ? "" : check.reason });
    } catch (error) {
      this.state.set({ gpu: "off", gpuReason: error instanceof Error ? error.message : String(error) });
    } finally {
      this.#endProgress();
    }
  }

  async leaveGpu(): Promise<void> {
    const { gpu } = this.state.value;
    this.state.set({ gpu: "off", gpuReason: "" });
    if (gpu === "on") await this.#device.ask("leaveGpu", {});
  }

  readonly #onProgress = (progress: Progress) => {
    this.#progress = { ...this.#progress, [progress.part]: progress };
    this.#progressTimer ??= setTimeout(() => {
      this.#progressTimer = undefined;
      this.state.set({ progress: this.#progress });
    }, PROGRESS_MS);
  };

  #endProgress(): void {
    clearTimeout(this.#progressTimer);
    this.#progressTimer = undefined;
    this.#progress = {};
    this.state.set({ progress: {} });
  }

  /** What the page says of the next photo (`place`) must hold: a server that was away gets no photo before the page knows that it is back. */
  #skipsServer(): boolean {
    if (this.place === "server") return false;
    if (performance.now() - this.#awaySince > AWAY_MS) void this.prepare();
    return true;
  }

  async #connect(): Promise<void> {
    if (this.server === undefined) return;
    if (this.state.value.server !== "up") this.state.set({ server: "connecting" });
    try {
      await this.server.connect();
      this.state.set({ server: "up", reason: "" });
    } catch (error) {
      this.#goneAway(error as ServerAway);
      throw error;
    }
  }

  #goneAway(error: Error): void {
    this.#awaySince = performance.now();
    this.state.set({ server: "away", reason: error.message });
  }
}

const awayWords = ({ url }: Server, { message }: Error) => `${new URL(url).host} does not answer: ${message}`;
