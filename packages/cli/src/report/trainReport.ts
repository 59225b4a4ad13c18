// report.html: one training on one page, in one file that asks nothing of the network.

import { clock, type HistoryRow, sixDecimals } from "../run/history.ts";
import { lineChart, type Series } from "./chart.ts";
import { confusionSection } from "./confusion.ts";
import { type Html, html, join, percent, text } from "./html.ts";
import { STYLE } from "./style.ts";

/** Everything that the page shows, as plain JSON. */
export interface TrainReport {
  /** The run's name. */
  readonly title: string;
  /** ISO 8601, as the run's own clock says. */
  readonly finishedAt: string;
  /** Name and version of the program. */
  readonly program: string;
  /** The answers on the held-out photos of the model that was kept. */
  readonly result: {
    readonly accuracy: number;
    readonly validLoss: number;
    readonly count: number;
  };
  /** One row per epoch, phases in order. */
  readonly history: readonly HistoryRow[];
  /** One entry per training step over all phases, in order; long runs are thinned when drawn. */
  readonly steps: readonly TrainStep[];
  /** Name and value, in the order shown. */
  readonly settings: readonly (readonly [name: string, value: string | number | boolean])[];
  readonly classes: readonly string[];
  /** Counts [actual][predicted] on the held-out photos. */
  readonly confusion: readonly (readonly number[])[];
  /** Held-out photos by loss, worst first. */
  readonly worst: readonly WorstPhoto[];
  readonly times: ReportTimes;
  /** Photos that could not be read, and anything else a person should know. */
  readonly unreadable: readonly { readonly file: string; readonly message: string }[];
  readonly warnings: readonly string[];
}

export interface TrainStep {
  /** Smoothed, as in the table. */
  readonly loss: number;
  readonly lr: number;
  /** Index into `history` of the epoch that the step belongs to. */
  readonly epoch: number;
}

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

/** Seconds. */
export interface ReportTimes {
  readonly total: number;
  /** Computing, training and validation together. */
  readonly engine: number;
  /** That the engine stood still because the next batch was not ready. */
  readonly dataWaited: number;
  /** Decoding photos before the first step; 0 when all were cached. */
  readonly caching: number;
}

/** The whole page. Pure: the same report gives the same text. */
export function renderTrainReport(report: TrainReport): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${report.title} · training report</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${headline(report)}
${notes(report)}
${charts(report)}
${epochTable(report)}
${confusionSection(report.classes, report.confusion)}
${worstPhotos(report.worst)}
${times(report.times)}
${settings(report)}
</main>
</body>
</html>
`;
  return text(page);
}

function headline({ title, finishedAt, program, result, times }: TrainReport): Html {
  const figure = (value: string, name: string) => html`<div><dd>${value}</dd><dt>${name}</dt></div>`;
  return html`<header>
<p class="kicker">Training report · ${program}</p>
<h1>${title}</h1>
<dl class="figures">
${figure(percent(result.accuracy), "accuracy")}
${figure(percent(1 - result.accuracy), "error rate")}
${figure(sixDecimals(result.validLoss).slice(0, 6), "validation loss")}
${figure(String(result.count), result.count === 1 ? "held-out photo" : "held-out photos")}
${figure(clock(times.total), "training time")}
</dl>
<p class="quiet">Finished ${finishedAt.replace("T", " ").slice(0, 16)}</p>
</header>`;
}

function notes({ unreadable, warnings }: TrainReport): Html {
  if (unreadable.length === 0 && warnings.length === 0) return html``;
  const count = unreadable.length;
  const photos =
    count === 0
      ? html``
      : html`<details><summary>${count} ${count === 1 ? "photo" : "photos"} could not be read and took no part</summary>
<ul>${join(unreadable.map(({ file, message }) => html`<li><code>${file}</code> ${message}</li>`))}</ul></details>`;
  return html`<section class="notes"><h2>To know</h2>
<ul>${join(warnings.map((warning) => html`<li>${warning}</li>`))}</ul>${photos}</section>`;
}

function charts({ history, steps }: TrainReport): Html {
  const ends = epochEnds(history.length, steps);
  const boundaries = history.flatMap((row, i) =>
    i > 0 && row.phase !== history[i - 1]!.phase ? [{ x: ends[i - 1]!, label: row.phase }] : [],
  );
  const perEpoch = (name: string, value: (row: HistoryRow) => number): Series => ({
    name,
    points: history.map((row, i) => [ends[i]!, value(row)]),
    marks: true,
  });
  const perStep = (name: string, value: (step: TrainStep) => number): Series => ({
    name,
    points: steps.map((step, i) => [i + 1, value(step)]),
  });
  // Steps may be missing in a report of an old run: the epochs' own figures stand in.
  const train =
    steps.length > 0 ? perStep("train (smoothed)", (step) => step.loss) : perEpoch("train", (row) => row.trainLoss);
  const rate = steps.length > 0 ? perStep("rate", (step) => step.lr) : perEpoch("rate", (row) => row.lr);
  const accuracy = perEpoch("validation", (row) => row.accuracy);
  const shared = { xLabel: steps.length > 0 ? "step" : "epoch", boundaries };
  return html`<section><h2>Curves</h2><div class="charts">
${lineChart({ ...shared, title: "Loss", series: [train, perEpoch("validation", (row) => row.validLoss)] })}
${lineChart({ ...shared, title: "Accuracy", series: [accuracy], format: (value) => `${+(value * 100).toFixed(2)} %` })}
${lineChart({ ...shared, title: "Learning rate", series: [rate], format: scientific })}
</div></section>`;
}

/** The step at which each epoch ended; 1, 2, 3... where no steps are known. */
function epochEnds(epochs: number, steps: readonly TrainStep[]): number[] {
  const ends = Array.from({ length: epochs }, (_, epoch) => epoch + 1);
  if (steps.length > 0) ends.fill(0);
  steps.forEach(({ epoch }, i) => {
    if (epoch >= 0 && epoch < epochs) ends[epoch] = i + 1;
  });
  return ends;
}

function scientific(value: number): string {
  return value === 0 ? "0" : value.toExponential(1).replace(".0e", "e").replace("e+", "e");
}

function epochTable({ history }: TrainReport): Html {
  const rows = history.map((row, i) => {
    const phase =
      row.phase === history[i - 1]?.phase
        ? html``
        : html`<tr class="phase"><th colspan="6" scope="rowgroup">${row.phase}</th></tr>`;
    const cells = [row.trainLoss, row.validLoss, row.errorRate, row.accuracy].map(sixDecimals);
    return html`${phase}<tr><td>${row.epoch}</td>${join(cells.map((cell) => html`<td>${cell}</td>`))}<td>${clock(row.seconds)}</td></tr>`;
  });
  return html`<section><h2>Epochs</h2><div class="scroll"><table class="numbers epochs">
<thead><tr><th>epoch</th><th>train loss</th><th>valid loss</th><th>error rate</th><th>accuracy</th><th>time</th></tr></thead>
<tbody>${join(rows)}</tbody></table></div></section>`;
}

function worstPhotos(worst: readonly WorstPhoto[]): Html {
  if (worst.length === 0) return html``;
  const cards = worst.map((photo) => {
    const shown = photo.thumbnail !== undefined && /^data:image\/[a-z+]+;base64,[\w+/=]+$/i.test(photo.thumbnail);
    const picture = shown ? html`<img src="${photo.thumbnail!}" alt="">` : html`<span class="blank"></span>`;
    const right = photo.predicted === photo.actual;
    const claim = html`${photo.predicted} ${percent(photo.probability)}`;
    return html`<li>${picture}<p><strong>${photo.actual}</strong><br>${right ? html`also named ${claim}` : html`named ${claim}`}</p>
<p class="quiet">loss ${photo.loss.toFixed(2)}<br><code>${photo.file}</code></p></li>`;
  });
  return html`<section><h2>Worst photos</h2>
<p class="quiet">The held-out photos with the largest loss: unusual views, or labels to check.</p>
<ul class="photos">${join(cards)}</ul></section>`;
}

function times({ total, engine, dataWaited, caching }: ReportTimes): Html {
  const share = (seconds: number) => percent(total > 0 ? seconds / total : 0);
  const other = Math.max(0, total - engine - dataWaited - caching);
  const row = (name: string, seconds: number) =>
    html`<tr><th scope="row">${name}</th><td>${seconds.toFixed(1)} s</td><td>${share(seconds)}</td></tr>`;
  return html`<section><h2>Where the time went</h2><table class="numbers">
${row("engine computing", engine)}${row("engine waiting for data", dataWaited)}${row("decoding photos first", caching)}${row("everything else", other)}
${row("in all", total)}</table></section>`;
}

function settings({ settings }: TrainReport): Html {
  const rows = settings.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${String(value)}</td></tr>`);
  return html`<section><h2>Settings</h2><table class="settings">${join(rows)}</table></section>`;
}
