// The model card as a page: what the model was made from and how well it does, from the file's own metadata.

import { type Html, html, join, percent } from "../report/html.ts";
import type { ModelFacts } from "./facts.ts";

export interface CardContent {
  readonly labels: readonly string[];
  readonly facts: ModelFacts;
  readonly sha256: string;
  readonly bytes: number;
  /** Relative address of the model file. */
  readonly file: string;
}

export function cardBody({ labels, facts, sha256, bytes, file }: CardContent): Html {
  const { accuracy, count, trainedOn, classes } = facts;
  const figures =
    accuracy === undefined || count === undefined
      ? html`<p>The file says nothing about its accuracy.</p>`
      : html`<p class="lead">${percent(accuracy.share)} of ${count} held-out photos named right (95 % interval ${percent(accuracy.low)} to ${percent(accuracy.high)})${trainedOn === undefined ? "" : `; trained on ${trainedOn} others`}.</p>`;
  const row = (name: string, value: string | undefined) =>
    value === undefined ? html`` : html`<tr><th scope="row">${name}</th><td>${value}</td></tr>\n`;
  return html`<section class="panel">
<h1>Model card</h1>
${figures}
<table class="facts">
${row("knows", labels.join(", "))}${row("architecture", facts.architecture)}${row("started from", facts.weights)}${row("licence of the weights", facts.license)}${row("data set's list, sha256", facts.data)}${row("file", `${(bytes / 1e6).toFixed(1)} MB, sha256 ${sha256}`)}</table>
<p><a class="button" href="${file}" download="model.onnx">Download the model (.onnx)</a></p>
</section>
<section class="panel" aria-labelledby="limits">
<h2 id="limits">What it is not for</h2>
<p>It always names one of the things above, also for a photo without any: look at the confidence. Several things in one picture, drawings, and what looks alike confuse it. It sees the middle of a photo, scaled down.</p>
</section>
${classes.length === 0 ? html`` : perClass(classes)}`;
}

function perClass(classes: ModelFacts["classes"]): Html {
  const row = ({ label, precision, recall, f1, support }: ModelFacts["classes"][number]) =>
    html`<tr><th scope="row">${label}</th><td>${percent(precision)}</td><td>${percent(recall)}</td><td>${percent(f1)}</td><td>${Number.isFinite(support) ? support : "-"}</td></tr>\n`;
  return html`<section class="panel" aria-labelledby="classes">
<h2 id="classes">Per class, on held-out photos</h2>
<table class="numbers">
<thead><tr><th scope="col">label</th><th scope="col">precision</th><th scope="col">recall</th><th scope="col">F1</th><th scope="col">photos</th></tr></thead>
<tbody>
${join(classes.map(row))}</tbody>
</table>
<p class="quiet small">Precision: how often the label is right when it is given. Recall: how many photos of the label are found.</p>
</section>`;
}
