// The photos on the page, from their arrival to their answers, several under way at a time.

import type { Answerer, PhotoAnswer } from "./answerer.ts";
import { Store } from "./store.ts";

export interface PagePhoto {
  readonly id: number;
  readonly file: Blob;
  readonly name: string;
  /** For `<img>`. */
  readonly url: string;
  /** An example of the page's own, whose label is known. */
  readonly isExample: boolean;
  readonly status: "waiting" | "working" | "done" | "failed";
  readonly answer?: PhotoAnswer;
  readonly error?: string;
  /** What a person said it is. */
  readonly correction?: string;
}

export interface Gallery {
  /** In order of arrival. */
  readonly photos: readonly PagePhoto[];
  /** The one in the middle of the page. */
  readonly shown: number | undefined;
}

/** Uploads overlap; the browser's own recogniser takes one after the other anyway. */
const AT_ONCE = 3;

export class Photos {
  readonly state = new Store<Gallery>({ photos: [], shown: undefined });
  readonly #answerer: Answerer;
  readonly #leaving = new Map<number, { readonly here: AbortController; readonly gone: AbortController }>();
  #serial = 0;

  constructor(answerer: Answerer) {
    this.#answerer = answerer;
  }

  add(files: readonly { readonly file: Blob; readonly name: string }[], isExample = false): void {
    const added = files.map(({ file, name }): PagePhoto => {
      const url = URL.createObjectURL(file);
      return { id: this.#serial++, file, name, url, isExample, status: "waiting" };
    });
    const [first] = added;
    if (first === undefined) return;
    // Examples give way to whatever comes next; what a person brought stays.
    const kept = this.state.value.photos.filter((photo) => !photo.isExample);
    for (const photo of this.state.value.photos) if (photo.isExample) this.#drop(photo);
    this.state.set({ photos: [...kept, ...added], shown: first.id });
    this.#go();
  }

  show(id: number): void {
    this.state.set({ shown: id });
  }

  remove(id: number): void {
    const { photos, shown } = this.state.value;
    const index = photos.findIndex((photo) => photo.id === id);
    const photo = photos[index];
    if (photo === undefined) return;
    this.#drop(photo);
    const others = photos.filter((other) => other !== photo);
    this.state.set({ photos: others, shown: shown === id ? (others[index] ?? others.at(-1))?.id : shown });
  }

  clear(): void {
    for (const photo of this.state.value.photos) this.#drop(photo);
    this.state.set({ photos: [], shown: undefined });
  }

  /** Asks once more: another place may answer by now. */
  retry(id: number): void {
    this.#change(id, { status: "waiting" });
    this.#go();
  }

  /** Waits no longer for the server with this photo. */
  answerHere(id: number): void {
    this.#leaving.get(id)?.here.abort();
  }

  correct(id: number, correction: string): void {
    this.#change(id, { correction });
  }

  /** Nobody waits for its answer: neither the server nor the browser need go on with it. */
  #drop({ id, url }: PagePhoto): void {
    URL.revokeObjectURL(url);
    const leaving = this.#leaving.get(id);
    leaving?.gone.abort();
    leaving?.here.abort();
  }

  #go(): void {
    const { photos } = this.state.value;
    const free = AT_ONCE - photos.filter(({ status }) => status === "working").length;
    for (const photo of photos.filter(({ status }) => status === "waiting").slice(0, Math.max(0, free))) {
      void this.#work(photo);
    }
  }

  async #work({ id, file, name }: PagePhoto): Promise<void> {
    const here = new AbortController();
    const gone = new AbortController();
    this.#leaving.set(id, { here, gone });
    this.#change(id, { status: "working" });
    try {
      const answer = await this.#answerer.answer(file, name, { here: here.signal, gone: gone.signal });
      this.#change(id, { status: "done", answer });
    } catch (error) {
      this.#change(id, { status: "failed", error: error instanceof Error ? error.message : String(error) });
    }
    this.#leaving.delete(id);
    this.#go();
  }

  #change(id: number, change: Partial<PagePhoto>): void {
    const photos = this.state.value.photos.map((photo) => (photo.id === id ? { ...photo, ...change } : photo));
    this.state.set({ photos });
  }
}
