// The site's first page: what it knows, how well, and what happens to a photo.

import type { Example } from "@ballsight/web";
import { type Html, html, join, percent } from "../report/html.ts";
import type { ModelFacts } from "./facts.ts";

export interface HomeContent {
  readonly title: string;
  readonly labels: readonly string[];
  readonly facts: ModelFacts;
  readonly examples: readonly Example[];
  /** Bytes of the model file. */
  readonly bytes: number;
  /** Confidence below which the recogniser says that it is not sure. */
  readonly threshold: number;
  /** Host that photos are sent to; undefined: they stay in the browser. */
  readonly host: string | undefined;
}

export function homeBody({ labels, facts, examples, bytes, host, title, threshold }: HomeContent): Html {
  const { accuracy, count } = facts;
  const proof =
    accuracy === undefined || count === undefined
      ? html``
      : html` It named ${percent(accuracy.share)} of ${count} photos right that it had never seen.`;
  const place =
    host === undefined
      ? html`Photos stay in your browser: the recogniser itself comes to you, ${(bytes / 1e6).toFixed(1)} MB and its runtime once, and works without a network afterwards.`
      : html`Photos are sent to ${host}; when it is away, or when you wish so, the recogniser runs in your browser.`;
  return html`<section class="panel hero">
<h1>${title}</h1>
<p class="lead">A photo in, and it says which of ${labels.length} things it shows, and how sure it is.${proof}</p>
<p>${place}</p>
<p class="row"><a class="button primary" href="recognizer.html">Try it with a photo</a><a class="button" href="card.html">How good is it?</a></p>
</section>
<section class="panel" aria-labelledby="known">
<h2 id="known">What it knows</h2>
<ul class="known">
${join(labels.map((label) => tile(label, examples)))}</ul>
<p class="quiet">Anything else it takes for one of these, mostly with less confidence: below ${percent(threshold)} it says that it is not sure.</p>
</section>`;
}

function tile(label: string, examples: readonly Example[]): Html {
  const picture = examples.find((example) => example.label === label);
  const image =
    picture === undefined
      ? html`<span class="blank"></span>`
      : html`<img src="${picture.file}" alt="" width="160" height="160" loading="lazy">`;
  return html`<li>${image}<span>${label}</span></li>\n`;
}
