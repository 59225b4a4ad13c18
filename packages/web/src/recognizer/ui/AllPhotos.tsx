// Several photos: a row each, and the table as a file.

import { useLayoutEffect, useRef } from "preact/hooks";
import { csv } from "../csv.ts";
import type { Gallery, PagePhoto, Photos } from "../photos.ts";
import { save } from "../save.ts";
import { percent } from "../words.ts";

interface Props {
  readonly gallery: Gallery;
  readonly photos: Photos;
  readonly threshold: number;
  /** The list goes away, and with it the button that was pressed: the focus needs another place. */
  readonly onGone: () => void;
}

export function AllPhotos({ gallery, photos, threshold, onGone }: Props) {
  const all = gallery.photos;
  const list = useRef<HTMLUListElement>(null);
  /** Row whose button was pressed and is gone. */
  const left = useRef<number | undefined>(undefined);
  useLayoutEffect(() => {
    if (left.current === undefined) return;
    const row = Math.min(left.current, all.length - 1);
    left.current = undefined;
    list.current?.children[row]?.querySelector<HTMLElement>(".remove")?.focus();
  }, [all]);
  const remove = (id: number, row: number) => {
    left.current = row;
    if (all.length <= 2) onGone();
    photos.remove(id);
  };
  const clear = () => {
    onGone();
    photos.clear();
  };
  const open = all.filter(({ status }) => status === "waiting" || status === "working").length;
  return (
    <section aria-labelledby="all-title" class="panel">
      <div class="row spread">
        <h2 id="all-title">{all.length} photos</h2>
        <p class="quiet small">{open > 0 ? `${all.length - open} of ${all.length} done` : "all done"}</p>
        <div class="row">
          <button
            type="button"
            class="button"
            disabled={open === all.length}
            onClick={() => save(csv(all, threshold), "text/csv", "answers.csv")}
          >
            Save as CSV
          </button>
          <button type="button" class="button" onClick={clear}>
            Clear
          </button>
        </div>
      </div>
      <ul class="all" ref={list}>
        {all.map((photo, row) => (
          <li key={photo.id} class={photo.id === gallery.shown ? "shown" : ""}>
            <button
              type="button"
              class="pick"
              aria-pressed={photo.id === gallery.shown}
              onClick={() => photos.show(photo.id)}
            >
              {photo.status === "failed" ? (
                <span class="thumb" />
              ) : (
                <img class="thumb" src={photo.url} alt="" loading="lazy" width="56" height="56" />
              )}
              <span class="file">{photo.name}</span>
              <Outcome photo={photo} threshold={threshold} />
            </button>
            <button
              type="button"
              class="button plain remove"
              aria-label={`Remove ${photo.name}`}
              onClick={() => remove(photo.id, row)}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Outcome({
  photo: { status, answer, error },
  threshold,
}: {
  readonly photo: PagePhoto;
  readonly threshold: number;
}) {
  const best = answer?.confidences[0];
  if (status === "failed") return <span class="outcome bad">no answer: {error}</span>;
  if (best === undefined) return <span class="outcome quiet">{status === "working" ? "looking…" : "waiting"}</span>;
  const sure = best.confidence >= threshold;
  return (
    <span class="outcome">
      {sure ? best.label : `not sure (${best.label}?)`} <span class="quiet">{percent(best.confidence)}</span>
    </span>
  );
}
