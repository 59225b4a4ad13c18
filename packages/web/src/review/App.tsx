// The review page: head, grid and photo, and the keys that move through them.

import { useEffect, useMemo } from "preact/hooks";
import { Detail } from "./Detail.tsx";
import { Dialogs } from "./Dialogs.tsx";
import { Grid } from "./Grid.tsx";
import { useStore } from "./hooks.ts";
import { type Command, classKeys, commandOf, repeats } from "./keys.ts";
import type { Store } from "./store.ts";
import { Toolbar } from "./Toolbar.tsx";

export function App({ store }: { readonly store: Store }) {
  useStore(store);
  const classes = store.review?.classes;
  const keys = useMemo(() => classKeys(classes ?? []), [classes]);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const command = isTyped(event) ? undefined : commandOf(event, keys);
      if (command === undefined || !isMeant(command, event, store)) return;
      event.preventDefault();
      if (event.repeat && !repeats(command)) return;
      obey(command, store);
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [store, keys]);
  if (store.review === undefined) return <p class="empty quiet">{store.problem || "Reading the list …"}</p>;
  return (
    <>
      <Toolbar store={store} />
      {store.problem !== "" && (
        <p class="problem" role="alert">
          {store.problem}
        </p>
      )}
      <main>
        <Grid store={store} />
        <Detail store={store} keys={keys} />
      </main>
      <p class="aloud" aria-live="polite">
        {store.said}
      </p>
      <Dialogs store={store} keys={keys} />
    </>
  );
}

/** Menus take letters and arrows themselves. */
function isTyped({ target }: Event): boolean {
  return target instanceof HTMLElement && target.closest("select, input, textarea") !== null;
}

/** A button with the focus takes Enter and Space; over the page, only what can be seen there can be done. */
function isMeant(command: Command, { target }: Event, { dialog }: Store): boolean {
  const isPress = command.do === "accept" || command.do === "select";
  if (isPress && target instanceof HTMLElement && target.closest("button, a") !== null) return false;
  if (dialog === undefined) return true;
  if (command.do === "clear") return false;
  if (dialog === "help") return command.do === "help";
  return command.do !== "all" && command.do !== "select";
}

/** These wait their turn by themselves. */
const QUEUED: ReadonlySet<string> = new Set(["accept", "keep", "exclude", "undo"]);

function obey(command: Command, store: Store): void {
  const over = (dialog: "zoom" | "compare" | "help") => () =>
    store.change({ dialog: store.dialog === dialog ? undefined : dialog });
  const deeds = {
    accept: () => store.accept(),
    keep: () => store.decide("keep"),
    exclude: () => store.decide("exclude"),
    undo: () => store.undo(),
    select: () => store.toggle(),
    all: () => store.selectAll(),
    clear: () => (store.isOpened ? store.change({ isOpened: false }) : store.clear()),
    zoom: over("zoom"),
    compare: () =>
      store.current?.compares || store.dialog === "compare" ? over("compare")() : store.say("no copy of another photo"),
    help: over("help"),
  };
  if (command.do === "class") store.decide("relabel", command.label);
  else if (command.do === "move") store.inOrder(() => store.move(command.by, command.extend));
  else if (QUEUED.has(command.do)) deeds[command.do]();
  else store.inOrder(deeds[command.do]);
}
