// All that the page knows and does: photos as the server has them, the view, the cursor, the selection; one decision after the other.

import {
  type Action,
  type Changes,
  type Decision,
  getChanges,
  getReview,
  type LastStep,
  newStep,
  type Photo,
  postDecision,
  postUndo,
  Refusal,
  type Review,
} from "./api.ts";
import { comparing, decisionWords, type Filter, inView, matches, NO_FILTER, nextOpen, placeFor } from "./view.ts";

export type Dialog = "zoom" | "compare" | "help" | undefined;

const RETRY_MS = 1000;

export class Store {
  review: Review | undefined;
  photos: Photo[] = [];
  /** Another one: photos have changed. */
  version = 0;
  last: LastStep | null = null;
  filter: Filter = NO_FILTER;
  /** Ids in view: made when the filter changes, so that what was decided stays where it was. */
  list: number[] = [];
  /** Place in the list. */
  cursor = 0;
  readonly selected = new Set<number>();
  dialog: Dialog;
  /** On a phone the photo covers the grid. */
  isOpened = false;
  /** Read aloud. */
  said = "";
  /** What went wrong last, until the next thing goes right. */
  problem = "";
  /** Not on the disk yet: the server does not answer. */
  isWaiting = false;
  columns = 1;

  /** Everything up to it is known here. */
  #revision = 0;
  /** The stream of events had a gap, and what was missed is not here yet. */
  #isBehind = false;
  #anchor = 0;
  #queue: Promise<unknown> = Promise.resolve();
  readonly #listeners = new Set<() => void>();

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  change(values: Partial<Pick<Store, "dialog" | "isOpened" | "problem" | "columns">> = {}): void {
    Object.assign(this, values);
    for (const listener of this.#listeners) listener();
  }

  get current(): Photo | undefined {
    return this.photos[this.list[this.cursor] ?? -1];
  }

  /** The selection, in the order of the view; the photo under the cursor where nothing is selected. */
  get chosen(): Photo[] {
    if (this.selected.size === 0) return this.current === undefined ? [] : [this.current];
    return this.list.filter((id) => this.selected.has(id)).map((id) => this.photos[id]!);
  }

  /** Reads the list, for the first time or anew after a restart of the server: filter and cursor stay. */
  async load(filter: Filter = this.filter, at: string | undefined = this.current?.sha256): Promise<void> {
    const review = await getReview();
    const isNew = this.review === undefined;
    const before = this.list.map((id) => this.photos[id]!);
    this.review = review;
    this.photos = [...review.photos];
    this.version++;
    this.last = review.last;
    this.#revision = review.revision;
    this.#isBehind = false;
    this.filter = filter;
    const ids = new Map(this.photos.map(({ id, sha256, file }) => [`${sha256} ${file}`, id]));
    const same = before.flatMap(({ sha256, file }) => ids.get(`${sha256} ${file}`) ?? []);
    this.list = isNew ? inView(this.photos, filter) : same.sort(comparing(this.photos, filter));
    this.selected.clear();
    this.#goTo(
      Math.max(
        0,
        this.list.findIndex((id) => this.photos[id]!.sha256 === at),
      ),
    );
    this.change();
  }

  setFilter(change: Partial<Filter>): void {
    const id = this.current?.id;
    this.filter = { ...this.filter, ...change };
    this.list = inView(this.photos, this.filter);
    this.selected.clear();
    this.#goTo(Math.max(0, this.list.indexOf(id ?? -1)));
    this.said = `${this.list.length} photos`;
    this.change();
  }

  /** Moves the cursor; `extend` selects from where the last plain move ended, `toggle` adds or takes away this one. */
  goTo(place: number, how: { readonly extend?: boolean; readonly toggle?: boolean } = {}): void {
    const to = Math.min(Math.max(0, place), this.list.length - 1);
    if (how.extend) {
      this.cursor = to;
      this.selected.clear();
      const [a, b] = [Math.min(this.#anchor, to), Math.max(this.#anchor, to)];
      for (const id of this.list.slice(a, b + 1)) this.selected.add(id);
    } else {
      this.#goTo(to);
      if (how.toggle) this.toggle();
    }
    this.said = this.selected.size > 0 ? `${this.selected.size} selected` : "";
    this.change();
  }

  move(by: "left" | "right" | "up" | "down" | "first" | "last", extend: boolean): void {
    const steps = { left: -1, right: 1, up: -this.columns, down: this.columns };
    if (by === "first" || by === "last") this.goTo(by === "first" ? 0 : this.list.length - 1, { extend });
    else this.goTo(this.cursor + steps[by], { extend });
  }

  toggle(): void {
    const id = this.list[this.cursor];
    if (id === undefined) return;
    if (!this.selected.delete(id)) this.selected.add(id);
    this.said = `${this.selected.size} selected`;
    this.change();
  }

  selectAll(): void {
    for (const id of this.list) this.selected.add(id);
    this.said = `${this.selected.size} selected`;
    this.change();
  }

  clear(): void {
    this.selected.clear();
    this.said = "nothing selected";
    this.change();
  }

  /** Takes what is suggested for the photo under the cursor, or for all that are selected where it is the same. */
  accept(): void {
    void this.#inTurn(async () => {
      const wanted = new Set(this.chosen.map(({ suggestion: { action, label } }) => JSON.stringify([action, label])));
      const suggestion = this.chosen[0]?.suggestion;
      if (suggestion === undefined) return;
      if (wanted.size > 1) this.say("the selected photos have different suggestions");
      else if (suggestion.action === "relabel") await this.#decide("relabel", suggestion.label);
      else if (suggestion.action === "exclude") await this.#decide("exclude");
      else this.say("nothing is suggested: look, then choose");
    });
  }

  decide(action: Action, to?: string): void {
    void this.#inTurn(() => this.#decide(action, to));
  }

  async #decide(action: Action, to?: string): Promise<void> {
    const photos = this.chosen.filter(({ state }) => state.missing === null);
    if (photos.length === 0) return this.say("no photo to decide about");
    await this.#send(photos, action, to);
  }

  /** After what was pressed before it, also where that still waits for the disk. */
  inOrder(work: () => void): void {
    if (this.isWaiting) work();
    else void this.#inTurn(async () => work());
  }

  /** The copy stays, and the one that was to stay goes: two decisions, undone one by one. */
  async keepInstead(copy: Photo, original: { readonly sha256: string; readonly file: string }): Promise<void> {
    await this.#inTurn(async () => {
      if (await this.#post([{ ...original, of: copy.sha256 }], "exclude")) await this.#send([copy], "keep");
    });
  }

  async #send(photos: readonly Photo[], action: Action, to?: string): Promise<void> {
    const last = this.list.indexOf(photos.at(-1)!.id);
    if (!(await this.#post(photos, action, to))) return;
    this.selected.clear();
    const [first] = photos;
    // The list may have been made anew meanwhile.
    const now = this.photos[first!.id];
    const words = now === undefined ? "" : decisionWords(now.state);
    this.#goTo(nextOpen(this.list, this.photos, last));
    const what = photos.length === 1 ? first!.file : `${photos.length} photos`;
    const next = this.current?.state.open ? `next: ${this.current.label}` : "nothing is left to decide in this view";
    if (!this.current?.state.open) this.isOpened = false;
    this.say(`${what}: ${words}; ${next}`);
  }

  /** Whether it is on the disk now. */
  async #post(photos: Decision["photos"], action: Action, to?: string): Promise<boolean> {
    const decision = {
      step: newStep(),
      base: this.#revision,
      action,
      ...(to !== undefined && { to }),
      photos: photos.map(({ sha256, file, of }) => ({ sha256, file, ...(of !== undefined && { of }) })),
    };
    return await this.#untilAnswered(() => postDecision(decision));
  }

  undo(): void {
    void this.#inTurn(async () => {
      const { last } = this;
      if (last === null) return this.say("nothing to undo");
      let applied = 0;
      const isUndone = await this.#untilAnswered(async () => {
        const answer: Changes & { readonly applied?: number } = await postUndo(last.step);
        applied = answer.applied ?? 0;
        // The answer is about this step alone; others may have decided since.
        return await getChanges(this.#revision);
      });
      if (!isUndone) return;
      this.selected.clear();
      if (last.id !== null) this.#show(last.id);
      const what = last.photos === 1 ? last.file : `${last.photos} photos`;
      const moved = last.photos === 1 ? "it" : `${applied} of them`;
      this.say(
        `undone: ${what}${applied > 0 ? `; apply has moved ${moved} already, \`ballsight apply --undo\` takes that back` : ""}`,
      );
    });
  }

  /** Puts the cursor on a photo; it comes back into the view where it left it. */
  #show(id: number): void {
    if (!this.list.includes(id) && matches(this.photos[id]!, this.filter)) {
      this.list = this.list.toSpliced(placeFor(this.list, id, comparing(this.photos, this.filter)), 0, id);
    }
    const place = this.list.indexOf(id);
    if (place !== -1) this.#goTo(place);
  }

  /** The server may be away for a while: the same step is sent until it is taken or refused. */
  async #untilAnswered(send: () => Promise<Changes>): Promise<boolean> {
    for (;;) {
      try {
        this.merge(await send(), true);
        this.isWaiting = false;
        this.problem = "";
        return true;
      } catch (error) {
        if (error instanceof Refusal) {
          if (error.now !== undefined) this.merge(error.now, true);
          this.isWaiting = false;
          this.change({ problem: error.message });
          return false;
        }
        this.isWaiting = true;
        this.change({
          problem:
            "The review does not answer: start `ballsight review` again. Your last decision is sent as soon as it does.",
        });
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  /** @param isWhole whether these are all changes after the revision that is known here; of events they are, but after a gap */
  merge({ revision, last, changes }: Changes, isWhole = !this.#isBehind): void {
    for (const { id, state } of changes) {
      const photo = this.photos[id];
      if (photo !== undefined) this.photos[id] = { ...photo, state };
    }
    this.version++;
    // Answers and events may pass each other on the way. A revision that was taken for known keeps what led to it from ever being told.
    if (revision >= this.#revision) {
      if (isWhole) {
        this.#revision = revision;
        this.#isBehind = false;
      }
      this.last = last;
    }
    this.change();
  }

  /** The stream of events is there, for the first time or again. */
  async onHello({ session, revision }: { readonly session: string; readonly revision: number }): Promise<void> {
    if (session !== this.review?.session) await this.load();
    else if (revision > this.#revision) {
      this.#isBehind = true;
      this.merge(await getChanges(this.#revision), true);
    }
  }

  #goTo(place: number): void {
    this.cursor = Math.min(Math.max(0, place), Math.max(0, this.list.length - 1));
    this.#anchor = this.cursor;
    if (this.dialog === "compare" && !this.current?.compares) this.dialog = undefined;
  }

  /** For a screen reader. */
  say(words: string): void {
    this.said = words;
    this.change();
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    // What is pressed while nothing can be saved must not be saved later, unseen.
    if (this.isWaiting) return;
    const turn = this.#queue.then(() => (this.isWaiting ? undefined : work()));
    this.#queue = turn.catch(() => undefined);
    await turn;
  }
}
