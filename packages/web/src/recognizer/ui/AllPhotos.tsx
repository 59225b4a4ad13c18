// Several photos: a row each, and the table as a file.

import { csv } from "../csv.ts";
import type { Gallery, PagePhoto, Photos } from "../photos.ts";
import { save } from "../save.ts";
import { percent } from "../words.ts";

interface Props {
  readonly gallery: Gallery;
  readonly photos: Photos;
  readonly threshold: number;
}

export function AllPhotos({ gallery, photos, threshold }: Props) {
  const all = gallery.photos;
  const open = all.filter(({ status }) => status === "waiting" || status === "working").length;
  return (
    <section aria-labelledby="all-title" class="panel">
      <div class="row spread">
        <h2 id="all-title">{all.length} photos</h2>
        <p class="quiet small" role="status">
          {open > 0 ? `${all.length - open} of ${all.length} done` : "all done"}
        </p>
        <div class="row">
          <button
            type="button"
            class="button"
            disabled={open === all.length}
            onClick={() => save(csv(all, threshold), "text/csv", "answers.csv")}
          >
            Save as CSV
          </button>
          <button type="button" class="button" onClick={() => photos.clear()}>
            Clear
          </button>
        </div>
      </div>
      <ul class="all">
        {all.map((photo) => (
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
              onClick={() => photos.remove(photo.id)}
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
