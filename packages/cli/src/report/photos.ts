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

export function worstPhotos(title: string, words: string, worst: readonly WorstPhoto[]): Html {
  if (worst.length === 0) return html``;
  const cards = worst.map((photo) => {
    const shown = photo.thumbnail !== undefined && /^data:image\/[a-z+]+;base64,[\w+/=]+$/i.test(photo.thumbnail);
    const picture = shown ? html`<img src="${photo.thumbnail!}" alt="">` : html`<span class="blank"></span>`;
    const right = photo.predicted === photo.actual;
    const claim = html`${photo.predicted} ${percent(photo.probability)}`;
    return html`<li>${picture}<p><strong>${photo.actual}</strong><br>${right ? html`also named ${claim}` : html`named ${claim}`}</p>
<p class="quiet">loss ${photo.loss.toFixed(2)}<br><code>${photo.file}</code></p></li>`;
  });
  return html`<section><h2>${title}</h2>
<p class="quiet">${words}</p>
<ul class="photos">${join(cards)}</ul></section>`;
}
