// What lies over the page: a photo at full size, a photo beside the one that it is a copy of, the keys.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type Photo, type PhotoFacts, pictureOf } from "./api.ts";
import { useDetail } from "./hooks.ts";
import { Key } from "./Key.tsx";
import type { Store } from "./store.ts";

interface Props {
  readonly store: Store;
  readonly keys: ReadonlyMap<string, string>;
}

export function Dialogs({ store, keys }: Props) {
  const photo = store.current;
  if (store.dialog === "help") return <Help store={store} keys={keys} />;
  if (photo === undefined) return null;
  if (store.dialog === "zoom") return <Zoom store={store} photo={photo} />;
  return store.dialog === "compare" ? <Compare store={store} photo={photo} /> : null;
}

interface WindowProps {
  readonly store: Store;
  readonly name: string;
  readonly title: string;
  readonly children: ComponentChildren;
}

/** The browser's own dialog keeps the focus inside and closes with Escape. It gives the focus back when it closes, but not when it is taken out of the page. */
function Window({ store, name, title, children }: WindowProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
      // What had it may have gone: on a phone the photo closes with the last decision.
      if (document.activeElement === document.body) document.getElementById("grid")?.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog ref={dialog} class={name} aria-label={title} onClose={() => store.change({ dialog: undefined })}>
      <header>
        <h2>{title}</h2>
        <button type="button" class="button" onClick={() => store.change({ dialog: undefined })}>
          Close <Key>Esc</Key>
        </button>
      </header>
      {children}
    </dialog>
  );
}

function Zoom({ store, photo }: { readonly store: Store; readonly photo: Photo }) {
  const [isLarge, setLarge] = useState(false);
  return (
    <Window store={store} name="zoom" title={photo.file}>
      <button
        type="button"
        class={`sheet${isLarge ? " larger" : ""}`}
        aria-pressed={isLarge}
        aria-label="Twice as large"
        onClick={() => setLarge(!isLarge)}
      >
        <img src={pictureOf(photo.sha256, "large")} alt={photo.file} />
      </button>
    </Window>
  );
}

function Compare({ store, photo }: { readonly store: Store; readonly photo: Photo }) {
  const detail = useDetail(photo.id);
  const of = detail?.of;
  const close = () => store.change({ dialog: undefined });
  return (
    <Window store={store} name="compare" title="Compare">
      {detail !== undefined && !of && (
        <p class="quiet">This photo is not said to be a copy of another that is there.</p>
      )}
      {detail && of && (
        <div class="pair">
          <Side facts={detail} words="this photo">
            <button type="button" class="button danger" onClick={() => [close(), store.decide("exclude")]}>
              Take this one out <Key>X</Key>
            </button>
            <button type="button" class="button" onClick={() => [close(), store.decide("keep")]}>
              Keep both <Key>K</Key>
            </button>
          </Side>
          <Side facts={of} words={of.why === "" ? "the other" : `the other: ${of.why}`}>
            <button type="button" class="button danger" onClick={() => [close(), void store.keepInstead(photo, of)]}>
              Take this one out instead
            </button>
          </Side>
        </div>
      )}
    </Window>
  );
}

function Side({ facts, words, children }: { facts: PhotoFacts; words: string; children: ComponentChildren }) {
  return (
    <figure>
      <img src={pictureOf(facts.sha256, "large")} alt={facts.file} />
      <figcaption>
        <b>{facts.label}</b> <span class="quiet small">{words}</span>
        <p class="small quiet facts">
          {facts.file}
          {facts.width !== null && ` · ${facts.width} × ${facts.height}`}
          {facts.bytes !== null && ` · ${Math.ceil(facts.bytes / 1024)} KiB`}
        </p>
      </figcaption>
      <div class="main">{children}</div>
    </figure>
  );
}

const KEYS: readonly (readonly [keys: readonly string[], words: string])[] = [
  [["↵"], "take the suggestion"],
  [["K"], "keep: it is what it is called"],
  [["X"], "take out"],
  [["U"], "undo, as often as you like"],
  [["←", "→", "↑", "↓"], "go to another photo; Home and End to the ends"],
  [["Shift", "→"], "select up to there; Shift and a click does it too"],
  [["Space"], "select this one, or not"],
  [["A"], "select all in view"],
  [["Esc"], "select none"],
  [["Z"], "zoom"],
  [["C"], "compare with the photo that it is a copy of"],
  [["?"], "these keys"],
];

function Help({ store, keys }: Props) {
  return (
    <Window store={store} name="help" title="Keys">
      <dl>
        {KEYS.map(([names, words]) => (
          <div key={words}>
            <dt>
              {names.map((name) => (
                <kbd key={name}>{name}</kbd>
              ))}
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
        {[...keys].map(([label, key]) => (
          <div key={label}>
            <dt>
              <kbd>{key.toUpperCase()}</kbd>
            </dt>
            <dd>it is {label}</dd>
          </div>
        ))}
      </dl>
      <p class="small quiet">
        Every decision is on the disk before the next photo shows. <code>ballsight apply</code> moves the files.
      </p>
    </Window>
  );
}
