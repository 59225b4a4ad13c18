// The photos with the largest loss, as cards: what they show, what they were taken for, how sure the model was.

import { type Html, html, join, percent } from "./html.ts";

export interface WorstPhoto {
  readonly file: string;
  readonly actual: string;
  readonly predicted: string;
  readonly loss: number;
  /** Of the predicted class, 0..1. */
  readonly probability: number;
  /** A `data:image/...` URL; anything else is left away. */
  readonly thumbnail?: string;
}

/** Nothing but a `data:` URL of an image is shown. */
export function pictureOf(thumbnail: string | undefined): Html {
  const shown = thumbnail !== undefined && /^data:image\/[a-z+]+;base64,[\w+/=]+$/i.test(thumbnail);
  return shown ? html`<img src="${thumbnail}" alt="">` : html`<span class="blank"></span>`;
}

export function worstPhotos(title: string, words: string, worst: readonly WorstPhoto[]): Html {
  if (worst.length === 0) return html``;
  const cards = worst.map((photo) => {
    const picture = pictureOf(photo.thumbnail);
    const right = photo.predicted === photo.actual;
    const claim = html`${photo.predicted} ${percent(photo.probability)}`;
    return html`<li>${picture}<p><strong>${photo.actual}</strong><br>${right ? html`also named ${claim}` : html`named ${claim}`}</p>
<p class="quiet">loss ${photo.loss.toFixed(2)}<br><code>${photo.file}</code></p></li>`;
  });
  return html`<section><h2>${title}</h2>
<p class="quiet">${words}</p>
<ul class="photos">${join(cards)}</ul></section>`;
}
