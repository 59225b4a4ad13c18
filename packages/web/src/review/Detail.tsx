// The photo under the cursor: large, with the reasons, what it is compared with, and everything that can be decided.

import type { ComponentChildren } from "preact";
import { type Detail as Details, type Neighbour, type Photo, pictureOf } from "./api.ts";
import { useDetail } from "./hooks.ts";
import { Key } from "./Key.tsx";
import type { Store } from "./store.ts";
import { decisionWords, kindWords, share } from "./view.ts";

interface Props {
  readonly store: Store;
  readonly keys: ReadonlyMap<string, string>;
}

export function Detail({ store, keys }: Props) {
  const photo = store.current;
  const detail = useDetail(photo?.id);
  if (photo === undefined) return <section class="detail" aria-label="Photo" />;
  const { state, suggestion } = photo;
  return (
    <section class={`detail${store.isOpened ? " opened" : ""}`} aria-label="Photo">
      <div class="back">
        <button type="button" class="button plain" onClick={() => store.change({ isOpened: false })}>
          ← All<span class="aloud"> photos</span>
        </button>
        <span class="quiet small">
          {store.cursor + 1} / {store.list.length}
        </span>
        <span class="steps">
          <button type="button" class="button" disabled={store.last === null} onClick={() => store.undo()}>
            Undo
          </button>
          <button
            type="button"
            class="button"
            aria-pressed={store.selected.has(photo.id)}
            onClick={() => store.inOrder(() => store.toggle())}
          >
            Select
          </button>
          <button type="button" class="button" aria-label="Photo before" onClick={() => store.move("left", false)}>
            ‹
          </button>
          <button type="button" class="button" aria-label="Photo after" onClick={() => store.move("right", false)}>
            ›
          </button>
        </span>
      </div>
      <div class="look">
        {state.missing === null ? (
          <button type="button" class="large" aria-label="Zoom" onClick={() => store.change({ dialog: "zoom" })}>
            <img src={pictureOf(photo.sha256, "large")} alt={photo.file} />
          </button>
        ) : (
          <p class="empty quiet">
            {state.missing === "gone" ? "This photo is not there any more." : "This photo was changed since."}
          </p>
        )}
        <h2 class="verdict">
          {photo.label}
          {suggestion.label !== undefined && ` → ${suggestion.label}?`}
          {suggestion.label === undefined && photo.rival !== undefined && ` or ${photo.rival}?`}
          {state.decision !== null && (
            <span class={`mark ${state.decision.action}`}>
              {decisionWords(state)}
              {state.open ? ", asked again" : ""}
            </span>
          )}
        </h2>
        <Reasons photo={photo} detail={detail} />
        {detail?.of && <Copy store={store} of={detail.of} />}
        {detail?.nearest && (
          <div class="alike">
            <Nearest title={`Most alike, called ${photo.label}`} photos={detail.nearest.given} />
            <Nearest
              title={`Most alike, called ${detail.nearest.suggested[0]?.label ?? "otherwise"}`}
              photos={detail.nearest.suggested}
            />
          </div>
        )}
        <Facts photo={photo} detail={detail} />
      </div>
      <Actions store={store} keys={keys} photo={photo} />
    </section>
  );
}

function Reasons({ photo, detail }: { readonly photo: Photo; readonly detail: Details | undefined }) {
  const reasons = detail?.reasons ?? photo.kinds.map((kind) => ({ kind, reason: kindWords(kind) }));
  return (
    <ul class="reasons">
      {reasons.map(({ kind, reason }) => (
        <li key={kind}>
          <b>{kindWords(kind)}</b> {reason === kindWords(kind) ? "" : reason}
        </li>
      ))}
      {photo.part === "valid" && <li class="warning">held out: models are measured on it</li>}
    </ul>
  );
}

function Nearest({ title, photos }: { readonly title: string; readonly photos: readonly Neighbour[] }) {
  if (photos.length === 0) return null;
  return (
    <figure class="nearest">
      <figcaption class="small quiet">{title}</figcaption>
      <div>
        {photos.map(({ sha256, file, cosine }) => (
          <img key={file} src={pictureOf(sha256, "small")} alt={`${file}, ${share(cosine)} alike`} title={file} />
        ))}
      </div>
    </figure>
  );
}

function Copy({ store, of }: { readonly store: Store; readonly of: NonNullable<Details["of"]> }) {
  return (
    <figure class="nearest copy">
      <figcaption class="small quiet">
        Of this one, called {of.label}
        {of.why !== "" && `; it stays: ${of.why}`}
      </figcaption>
      <div>
        <img src={pictureOf(of.sha256, "small")} alt={of.file} />
        <button type="button" class="button" onClick={() => store.change({ dialog: "compare" })}>
          Compare <Key>C</Key>
        </button>
      </div>
    </figure>
  );
}

function Facts({ photo, detail }: { readonly photo: Photo; readonly detail: Details | undefined }) {
  const size = detail?.width == null ? [] : [`${detail.width} × ${detail.height}`];
  const bytes = detail?.bytes == null ? [] : [`${Math.ceil(detail.bytes / 1024)} KiB`];
  return (
    <p class="small quiet facts">
      {[detail?.file ?? photo.file, ...size, ...bytes].join(" · ")}
      {detail?.origin && <span> · {detail.origin}</span>}
    </p>
  );
}

function Actions({ store, keys, photo }: Props & { readonly photo: Photo }) {
  const { suggestion } = photo;
  const many = store.selected.size > 0 ? ` ${store.selected.size}` : "";
  const isOut = suggestion.action === "exclude";
  return (
    <fieldset class="actions" disabled={store.isWaiting}>
      <legend class="aloud">{many === "" ? "Decide about this photo" : `Decide about${many} photos`}</legend>
      <div class="main">
        {suggestion.action === "relabel" && (
          <Choice name="primary" hint="↵" onClick={() => store.accept()}>
            {suggestion.label}
            {many}
          </Choice>
        )}
        <Choice hint="K" onClick={() => store.decide("keep")}>
          Keep{many}
        </Choice>
        <Choice name={isOut ? "primary" : "danger"} hint={isOut ? "↵ X" : "X"} onClick={() => store.decide("exclude")}>
          Take out{many}
        </Choice>
      </div>
      <div class="classes">
        {store.review?.classes.map((label) => (
          <Choice key={label} hint={keys.get(label)?.toUpperCase()} onClick={() => store.decide("relabel", label)}>
            {label}
          </Choice>
        ))}
      </div>
    </fieldset>
  );
}

interface ChoiceProps {
  readonly name?: string;
  readonly hint: string | undefined;
  readonly onClick: () => void;
  readonly children: ComponentChildren;
}

function Choice({ name = "", hint, onClick, children }: ChoiceProps) {
  return (
    <button type="button" class={`button ${name}`} onClick={onClick}>
      <span>{children}</span>
      {hint !== undefined && <Key>{hint}</Key>}
    </button>
  );
}
