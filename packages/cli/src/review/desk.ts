// The review's desk: doubtful photos, what was decided about them, and every decision on the disk before it is answered.

import { randomUUID } from "node:crypto";
import type {
  Changes,
  DecideRequest,
  LastStep,
  PhotoDetail,
  PhotoState,
  Review,
  ReviewDesk,
  ReviewPhoto,
  Undone,
} from "@ballsight/server";
import { BallsightError, fail } from "@ballsight/vision";
import { Metadata } from "../data/metadata.ts";
import { waits } from "../decisions/asksAgain.ts";
import type { Decision, Entry } from "../decisions/entries.ts";
import { Journal } from "../decisions/journal.ts";
import { type ReadDecisions, readDecisions } from "../decisions/read.ts";
import { type Decisions, type KnownPhoto, standing } from "../decisions/state.ts";
import { failChanging } from "../trash/hold.ts";
import { detailOf } from "./detail.ts";
import { type DoubtfulPhoto, lossOf, opinionsOf } from "./issues.ts";
import type { Parts } from "./parts.ts";
import { type PictureSize, Pictures } from "./pictures.ts";
import { Roll, type RolledPhoto } from "./roll.ts";

export interface DeskOptions {
  /** The data set's folder, real path. */
  readonly root: string;
  readonly doubtful: readonly DoubtfulPhoto[];
  readonly who: string;
  /** Folder for small pictures. */
  readonly cache: string;
  /** Of all these files. */
  readonly parts: (files: readonly string[]) => Pick<Parts, "of">;
}

export class Desk implements ReviewDesk {
  readonly #options: DeskOptions;
  readonly #session = randomUUID();
  readonly #roll: Roll;
  readonly #decisions: Decisions;
  readonly #journal: Journal;
  readonly #metadata: Metadata;
  readonly #pictures: Pictures;
  readonly #parts: Pick<Parts, "of">;
  readonly #listeners = new Set<(changes: Changes) => void>();
  readonly passedOver: number;
  #turn: Promise<unknown> = Promise.resolve();
  #isOver = false;

  private constructor(
    options: DeskOptions,
    roll: Roll,
    { decisions, passedOver }: ReadDecisions,
    journal: Journal,
    metadata: Metadata,
  ) {
    this.#options = options;
    this.#roll = roll;
    this.#decisions = decisions;
    this.#journal = journal;
    this.#metadata = metadata;
    this.#pictures = new Pictures(options.root, options.cache);
    this.#parts = options.parts(roll.files);
    this.passedOver = passedOver;
  }

  /** For whoever holds the review. */
  static async open(options: DeskOptions): Promise<Desk> {
    const { root, doubtful } = options;
    const roll = await Roll.open(root, doubtful);
    const read = await readDecisions(root);
    return new Desk(options, roll, read, await Journal.open(root), await Metadata.read(root));
  }

  head(): { readonly session: string; readonly revision: number } {
    return { session: this.#session, revision: this.#decisions.revision };
  }

  review(): Review {
    const { root, who } = this.#options;
    const photos = this.#roll.photos.map((photo, id): ReviewPhoto => {
      const { issues } = photo.doubt;
      const [gravest] = issues;
      const rival = issues.find(({ of }) => of !== undefined && of.label !== photo.label)?.of?.label;
      const loss = lossOf(issues);
      return {
        id,
        sha256: photo.sha256,
        file: photo.file,
        label: photo.label,
        kinds: [...new Set(issues.map(({ kind }) => kind))],
        suggestion: gravest.suggestion,
        compares: issues.some(({ of }) => of !== undefined),
        ...(rival !== undefined && { rival }),
        ...(loss !== undefined && { loss }),
        part: this.#parts.of(photo),
        state: this.#stateOf(photo),
      };
    });
    return {
      ...this.head(),
      data: root,
      who,
      classes: this.#roll.classes,
      last: this.#last(),
      photos,
    };
  }

  /** Photos that wait for a decision. */
  get open(): number {
    return this.#roll.photos.filter((photo) => this.#stateOf(photo).open).length;
  }

  #stateOf(photo: RolledPhoto): PhotoState {
    const { missing } = photo;
    const decision = this.#decisions.for(photo, this.#roll.namesOf(photo.sha256));
    if (decision === undefined || standing(decision, photo.label) === "none")
      return { decision: null, open: missing === null, missing };
    const { action, to, who, at } = decision;
    return {
      decision: { action, ...(to !== undefined && { to }), who, at },
      open: missing === null && waits(decision, photo.label, opinionsOf(photo.doubt.issues)),
      missing,
    };
  }

  changesSince(revision: number): Changes {
    return this.#changes(this.#decisions.changedSince(revision));
  }

  #changes(hashes: Iterable<string>): Changes {
    const ids = new Set([...hashes].flatMap((sha256) => this.#roll.idsOf(sha256)));
    const changes = Array.from(ids, (id) => ({ id, state: this.#stateOf(this.#roll.photos[id]!) }));
    return { revision: this.#decisions.revision, last: this.#last(), changes };
  }

  #last(): LastStep | null {
    const last = this.#decisions.lastStep();
    const first = last?.decisions[0];
    if (last === undefined || first === undefined) return null;
    const { action, to, file, sha256 } = first;
    const id = this.#roll.idOf(sha256, file) ?? null;
    return { step: last.step, action, ...(to !== undefined && { to }), photos: last.decisions.length, id, file };
  }

  async detail(id: number): Promise<PhotoDetail | undefined> {
    const photo = this.#roll.photos[id];
    if (photo === undefined) return undefined;
    return await detailOf(photo, { root: this.#options.root, roll: this.#roll, metadata: this.#metadata });
  }

  async picture(sha256: string, size: PictureSize): Promise<Uint8Array | undefined> {
    return await this.#pictures.of(sha256, [...this.#roll.namesOf(sha256)], size);
  }

  async decide(request: DecideRequest): Promise<Changes> {
    return await this.#inTurn(async () => {
      const { step, base, action, to } = request;
      const missing = this.#missingOf(request);
      // Asked again because the answer was lost: it was decided.
      if (missing.length === 0) return this.changesSince(base);
      if (action === "relabel" && !this.#roll.classes.includes(to ?? "")) {
        fail("BAD_OPTION", {
          option: "to",
          expected: `a class (${this.#roll.classes.join(", ")})`,
          received: to ?? "none",
        });
      }
      const own = new Set(this.#decisions.step(step)?.map(({ sha256 }) => sha256));
      const outdated = missing.find(({ sha256 }) => this.#decisions.changedAt(sha256) > base && !own.has(sha256));
      if (outdated !== undefined) this.#refuse(outdated.file, base);
      const at = new Date().toISOString();
      const decisions: Decision[] = [];
      for (const photo of missing) decisions.push(await this.#decisionOn(photo, request, at));
      const { revision } = this.head();
      await this.#write(decisions);
      const told = this.#tell(decisions.map(({ sha256 }) => sha256));
      // What others decided meanwhile is told too: the answer says that the tab has seen all up to its revision.
      return base === revision ? told : this.changesSince(base);
    });
  }

  /** Of a step those that are not written yet: all of them, none where it is sent again, and some where a kill cut it off in the middle. */
  #missingOf({ step, photos }: DecideRequest): DecideRequest["photos"] {
    const made = this.#decisions.step(step);
    if (made === undefined) return photos;
    const known = new Set(made.map(({ sha256, file }) => `${sha256} ${file}`));
    return photos.filter(({ sha256, file }) => {
      const id = this.#roll.idOf(sha256, file);
      return !known.has(`${sha256} ${id === undefined ? file : this.#roll.photos[id]!.file}`);
    });
  }

  async #decisionOn(
    { sha256, file, of: named }: DecideRequest["photos"][number],
    { step, action, to }: DecideRequest,
    at: string,
  ): Promise<Decision> {
    const id = this.#roll.idOf(sha256, file);
    const listed = id === undefined ? undefined : this.#roll.photos[id];
    const photo: KnownPhoto | undefined = listed?.missing === null ? listed : await this.#roll.look(file);
    if (photo === undefined || photo.sha256 !== sha256) return fail("PHOTO_UNKNOWN", { name: file });
    const about = { at, who: this.#options.who, step, sha256, file: photo.file, from: photo.label };
    const why = opinionsOf(listed?.doubt.issues ?? []);
    // "It is what it is called" is what keeping says.
    if (action === "keep" || (action === "relabel" && to === photo.label)) return { ...about, action: "keep", why };
    if (action === "relabel") return { ...about, action, to: to!, why };
    const of = named ?? (await this.#original(listed));
    return { ...about, action, ...(of !== undefined && { of }), why };
  }

  /** The content of the photo that a copy is one of: the copy goes only while that one is there. */
  async #original(photo: RolledPhoto | undefined): Promise<string | undefined> {
    const issue = photo?.doubt.issues.find(({ of }) => of !== undefined);
    if (issue?.of === undefined) return undefined;
    if (issue.of.how === "bytes") return photo?.sha256;
    return (await this.#roll.look(issue.of.file))?.sha256;
  }

  async undo(step: string): Promise<Undone> {
    return await this.#inTurn(async () => {
      // Asked again because the answer was lost, or by two tabs at once: it was undone.
      const undone = this.#decisions.undone(step);
      if (undone !== undefined) return { ...this.#changes([]), applied: this.#applied(undone) };
      const last = this.#decisions.lastStep();
      if (last?.step !== step) return this.#refuse(last?.decisions[0]?.file ?? "nothing", 0);
      const applied = this.#applied(last.decisions);
      await this.#write([{ at: new Date().toISOString(), who: this.#options.who, action: "undo", step }]);
      return { ...this.#tell(last.decisions.map(({ sha256 }) => sha256)), applied };
    });
  }

  /** How many of these decisions `apply` has carried out, and nothing has brought back. */
  #applied(decisions: readonly Decision[]): number {
    return decisions.filter((decision) => {
      const from = this.#decisions.movedFrom(decision);
      return from !== undefined && this.#roll.labelOf(from) === undefined;
    }).length;
  }

  subscribe(listener: (changes: Changes) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads what lies there. Returns how many photos have gone, and how many have changed, since `clean` looked. */
  async check(): Promise<{ readonly gone: number; readonly changed: number }> {
    const found = (ids: readonly number[]) => this.#tell(ids.map((id) => this.#roll.photos[id]!.sha256));
    await this.#roll.check(found, () => this.#isOver);
    // Gone because somebody said so is no news.
    const lost = this.#roll.photos.filter((photo) => photo.missing !== null && this.#stateOf(photo).decision === null);
    const changed = lost.filter(({ missing }) => missing === "changed").length;
    return { gone: lost.length - changed, changed };
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await this.#turn;
    await this.#journal.close();
  }

  #refuse(name: string, base: number): never {
    throw new BallsightError("DECISION_OUTDATED", { name }, { details: { changes: this.changesSince(base) } });
  }

  async #write(entries: readonly Entry[]): Promise<void> {
    await this.#journal.append(entries).catch((error: unknown) => failChanging(error, this.#options.root));
    for (const entry of entries) this.#decisions.add(entry);
  }

  #tell(hashes: Iterable<string>): Changes {
    const changes = this.#changes(hashes);
    for (const listener of this.#listeners) listener(changes);
    return changes;
  }

  /** One decision after the other: what is checked must still hold when it is written. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return await turn;
  }
}
