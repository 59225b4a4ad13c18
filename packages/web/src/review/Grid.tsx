// The photos in view as cards: a list of options to a screen reader, of which only those near the window exist.

import { useLayoutEffect, useRef } from "preact/hooks";
import { type Photo, pictureOf } from "./api.ts";
import { useRows, useWidth } from "./hooks.ts";
import type { Store } from "./store.ts";
import { decisionWords, kindWords, share } from "./view.ts";

const GAP = 12;
const LEAST_WIDTH = 150;
/** The two lines below the picture. */
const CAPTION = 46;

export function Grid({ store }: { readonly store: Store }) {
  const scroller = useRef<HTMLDivElement>(null);
  const inner = Math.max(0, useWidth(scroller) - 2 * GAP);
  const columns = Math.max(2, Math.floor((inner + GAP) / (LEAST_WIDTH + GAP)));
  const width = (inner - (columns - 1) * GAP) / columns;
  const height = width + CAPTION + GAP;
  const { list, cursor, photos } = store;
  const { items, total, show } = useRows(scroller, Math.ceil(list.length / columns), height);

  useLayoutEffect(() => {
    if (store.columns !== columns) store.change({ columns });
  }, [store, columns]);
  const row = Math.floor(cursor / columns);
  useLayoutEffect(() => {
    if (inner > 0 && list.length > 0) show(row);
  }, [row, list, height]);

  const click = (event: MouseEvent, place: number) => {
    const how = { extend: event.shiftKey, toggle: event.ctrlKey || event.metaKey };
    store.goTo(place, how);
    if (!how.extend && !how.toggle) store.change({ isOpened: true });
  };
  const cards = items.flatMap(({ index, start }) =>
    list.slice(index * columns, (index + 1) * columns).map((id, column) => {
      const place = index * columns + column;
      return (
        // biome-ignore lint/a11y/useKeyWithClickEvents: keys are the page's, whatever has the focus
        <div
          key={id}
          id={`photo-${id}`}
          role="option"
          tabIndex={-1}
          class={`card${place === cursor ? " current" : ""}${photos[id]!.state.open ? "" : " done"}`}
          aria-selected={store.selected.has(id)}
          aria-posinset={place + 1}
          aria-setsize={list.length}
          style={{ width: `${width}px`, transform: `translate(${column * (width + GAP)}px, ${start}px)` }}
          onClick={(event) => click(event, place)}
        >
          <Card photo={photos[id]!} height={width} byLoss={store.filter.order === "loss"} />
        </div>
      );
    }),
  );
  return (
    <div class="scroller" ref={scroller}>
      {list.length === 0 && <p class="empty quiet">No photo is left in this view.</p>}
      <div
        class="grid"
        id="grid"
        role="listbox"
        aria-label="Doubtful photos"
        aria-multiselectable="true"
        aria-activedescendant={list.length > 0 ? `photo-${list[cursor]}` : undefined}
        tabIndex={0}
        style={{ height: `${total}px` }}
      >
        {cards}
      </div>
    </div>
  );
}

interface CardProps {
  readonly photo: Photo;
  /** Of the picture, pixels. */
  readonly height: number;
  readonly byLoss: boolean;
}

function Card({ photo, height, byLoss }: CardProps) {
  const { sha256, label, kinds, suggestion, rival, loss, state, part } = photo;
  const other = suggestion.label ?? rival;
  const words = decisionWords(state);
  return (
    <>
      <span class="picture" style={{ height: `${height}px` }}>
        {state.missing === null ? (
          <img src={pictureOf(sha256, "small")} alt="" loading="lazy" decoding="async" draggable={false} />
        ) : (
          <span class="quiet">{state.missing}</span>
        )}
        {words !== "" && <span class={`mark ${state.decision!.action}`}>{words}</span>}
        {part === "valid" && <span class="part">held out</span>}
      </span>
      <span class="line">
        {label}
        {other !== undefined && (
          <>
            <span aria-hidden="true">{suggestion.label === undefined ? " or " : " → "}</span>
            <span class="aloud">, perhaps </span>
            {other}
          </>
        )}
      </span>
      <span class="line small quiet">
        {byLoss && loss !== undefined && `loss ${loss.toFixed(1)} · `}
        {!byLoss && suggestion.probability !== undefined && `${share(suggestion.probability)} · `}
        {kinds.map(kindWords).join(", ")}
      </span>
    </>
  );
}
