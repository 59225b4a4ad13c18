// What a tab of the review believes to have seen: changes that it missed must not count as known, whatever answers come in between.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Changes, Photo, Review } from "../../src/review/api.ts";
import { Store } from "../../src/review/store.ts";

const open = { decision: null, open: true, missing: null } as const;
const kept = {
  decision: { action: "keep", who: "bea", at: "2026-11-23T08:00:00Z" },
  open: false,
  missing: null,
} as const;

const photo = (id: number): Photo => ({
  id,
  sha256: String(id).repeat(64),
  file: `Golf/${id}.jpg`,
  label: "Golf",
  kinds: ["dark"],
  suggestion: { action: "look" },
  compares: false,
  part: "train",
  state: open,
});

/** A server of which this tab hears no events: by revision, the photo that changed. */
class Server {
  readonly changed: { id: number; state: Photo["state"] }[] = [];
  readonly bases: number[] = [];
  applied = 0;
  isAway = false;

  since(revision: number): Changes {
    return { revision: this.changed.length, last: this.last, changes: this.changed.slice(revision) };
  }

  get last(): Changes["last"] {
    return { step: "a-step-of-mine", action: "keep", photos: 1, id: 0, file: "Golf/0.jpg" };
  }

  answer(path: string, body: { base?: number; photos?: { file: string }[] }): Review | Changes {
    const head = { revision: this.changed.length, last: this.last };
    if (path === "api/review") {
      const photos = [0, 1, 2].map(photo);
      return { ...head, session: "s", data: "balls", who: "ada", classes: ["Golf"], photos };
    }
    if (path.startsWith("api/changes/")) return this.since(Number(path.split("/").at(-1)));
    if (path === "api/undo") {
      this.changed.push({ id: 0, state: open });
      const answer = { revision: this.changed.length, last: null, changes: this.changed.slice(-1) };
      return { ...answer, ...({ applied: this.applied } as object) };
    }
    this.bases.push(body.base!);
    const id = Number(/\d/.exec(body.photos![0]!.file)![0]);
    this.changed.push({ id, state: { ...kept, decision: { ...kept.decision, who: "ada" } } });
    return this.since(body.base!);
  }
}

let server: Server;
let store: Store;
beforeEach(async () => {
  server = new Server();
  vi.stubGlobal("fetch", async (path: string, init?: { body: string }) => {
    if (server.isAway) throw new TypeError("fetch failed");
    return Response.json(server.answer(path, JSON.parse(init?.body ?? "{}")));
  });
  store = new Store();
  await store.load({ ...store.filter });
});
afterEach(() => vi.unstubAllGlobals());

const others = (id: number) => server.changed.push({ id, state: kept });
const decided = () => store.photos.map(({ state }) => state.decision?.who);
/** After all that was pressed before. */
const settled = () => vi.waitFor(() => expect(store.said).not.toBe(""));

test("a decision's answer brings what was missed", async () => {
  others(2);
  store.decide("keep");
  await settled();
  expect(decided()).toEqual(["ada", undefined, "bea"]);
});

test("so does undoing, and the next decision is made with that in view", async () => {
  others(2);
  store.undo();
  await settled();
  expect(decided()).toEqual([undefined, undefined, "bea"]);
  store.said = "";
  store.decide("keep");
  await settled();
  expect(server.bases).toEqual([2]);
});

test("events after a gap that could not be filled leave the gap open", async () => {
  others(2);
  server.isAway = true;
  await store.onHello({ session: "s", revision: 1 }).catch(() => undefined);
  server.isAway = false;
  others(1);
  store.merge({ ...server.since(1) });
  expect(decided()).toEqual([undefined, "bea", undefined]);
  await store.onHello({ session: "s", revision: 2 });
  expect(decided()).toEqual([undefined, "bea", "bea"]);
});

test("undoing what was applied says that the photo is not back", async () => {
  store.undo();
  await settled();
  expect(store.said).toBe("undone: Golf/0.jpg");
  server.applied = 1;
  store.said = "";
  store.undo();
  await settled();
  expect(store.said).toContain("`ballsight apply --undo`");
});
