// compare.html: networks side by side on one page that asks nothing of the network: table, curves, costs, where they disagree.

import type { Disagreement } from "../compare/disagreement.ts";
import {
  type AgainstBest,
  isTrained,
  type NetworkResult,
  SIGNIFICANT,
  type TrainedNetwork,
} from "../compare/result.ts";
import { clock, type HistoryRow } from "../run/history.ts";
import { lineChart, toneOf } from "./chart.ts";
import { type Html, html, join, percent } from "./html.ts";
import { headline, notes, renderPage, type Settings, settingsTable } from "./page.ts";
import { pictureOf } from "./photos.ts";
import { scatterChart } from "./scatter.ts";

export interface CompareReport {
  readonly title: string;
  /** ISO 8601, as the machine's own clock says. */
  readonly finishedAt: string;
  /** Name and version of the program. */
  readonly program: string;
  /** Best first, what failed last. */
  readonly results: readonly NetworkResult[];
  /** By network, without the best one. */
  readonly against: ReadonlyMap<string, AgainstBest>;
  /** Of networks that began, in the order in which they are coloured. */
  readonly curves: readonly { readonly network: string; readonly rows: readonly HistoryRow[] }[];
  readonly agreement: {
    /** In the order of the answers. */
    readonly networks: readonly string[];
    readonly right: number;
    readonly wrong: number;
    readonly disagreements: number;
    /** The most telling of them. */
    readonly shown: readonly (Disagreement & { readonly thumbnail?: string })[];
  };
  readonly warnings: readonly string[];
  readonly settings: Settings;
}

/** The whole page. Pure: the same report gives the same text. */
export function renderCompareReport(report: CompareReport): string {
  const { title, program, finishedAt, results, warnings, settings } = report;
  const trained = results.filter(isTrained);
  const best = trained[0];
  const top = headline({
    kind: "Network comparison",
    title,
    program,
    finishedAt,
    figures: best
      ? [
          [percent(best.accuracy), "best accuracy"],
          [percent(best.error_rate), "its error rate"],
          [clock(best.seconds), "its training time"],
          [`${Math.round(best.model_bytes / 1e6)} MB`, "its model file"],
          [String(best.count), best.count === 1 ? "held-out photo" : "held-out photos"],
        ]
      : [],
    remarks: best ? remarks(best, trained, report.against) : ["No network is trained yet."],
  });
  return renderPage(title, "comparison report", [
    top,
    notes({ warnings, unreadable: [] }),
    table(report),
    curves(report),
    costs(report),
    disagreements(report),
    settingsTable(settings),
  ]);
}

function remarks(
  best: TrainedNetwork,
  trained: readonly TrainedNetwork[],
  against: ReadonlyMap<string, AgainstBest>,
): string[] {
  const named = `Best: ${best.network}.`;
  if (trained.length < 2) return [named];
  const close = trained.filter(({ network }) => (against.get(network)?.p ?? 0) >= SIGNIFICANT);
  const others =
    close.length === 0
      ? `The others are worse on these ${best.count} photos by more than chance explains.`
      : `Not distinguishable from it on these ${best.count} photos: ${close.map(({ network }) => network).join(", ")}.`;
  return [
    `${named} ${others}`,
    `The same photos also chose it: on new ones the best of ${trained.length} tends to do a little worse than here.`,
  ];
}

const HEADS = [
  ..."network|start weights|accuracy|error rate|train loss|valid loss".split("|"),
  ..."time|parameters|model file|one photo|against the best".split("|"),
];

function table({ results, against, curves: drawn }: CompareReport): Html {
  const key = (network: string) => keyOf(drawn, network);
  const rows = results.map((one, i) => {
    if (!isTrained(one)) {
      const words = html`<td class="words" colspan="${HEADS.length - 1}">failed: ${one.error.code}</td>`;
      return html`<tr><th scope="row"><span>${one.network}</span></th>${words}</tr>`;
    }
    const { low, high } = one.interval95;
    const other = against.get(one.network);
    const accuracy = html`<td>${percent(one.accuracy)}<br><small>${percent(low)} – ${percent(high)}</small></td>`;
    const cells = [
      percent(one.error_rate),
      one.train_loss.toFixed(4),
      one.valid_loss.toFixed(4),
      clock(one.seconds),
      `${(one.parameters / 1e6).toFixed(1)}\u00a0M`,
      `${megabytes(one)}\u00a0MB`,
      `${one.latency_ms.toFixed(1)}\u00a0ms`,
    ];
    const versus =
      other === undefined
        ? html`<td class="quiet">best</td>`
        : html`<td title="${`${other.only_this} photos right that the best has wrong, ${other.only_best} the other way round`}">${other.only_this} : ${other.only_best}<br><small>p = ${probability(other.p)}</small></td>`;
    return html`<tr${i === 0 ? html` class="best"` : html``}><th scope="row"><span class="${key(one.network)}">${one.network}</span></th><td class="words">${one.start_weights}</td>${accuracy}${join(cells.map((cell) => html`<td>${cell}</td>`))}${versus}</tr>`;
  });
  return html`<section><h2>Networks</h2>
<div class="scroll"><table class="numbers networks"><thead><tr>${join(HEADS.map((head) => html`<th scope="col">${head}</th>`))}</tr></thead>
<tbody>${join(rows)}</tbody></table></div>
<p class="quiet">Below the accuracy: its 95 % interval. Losses hold the training's label smoothing. Time: all epochs, validation included. One photo: from decoded pixels to the answer, on the machine that trained. Against the best: photos that this network alone named right, and that the best alone did; p by McNemar's exact test. From p = ${SIGNIFICANT} on, chance makes such a difference often.</p></section>`;
}

const keyOf = (drawn: CompareReport["curves"], network: string) => {
  const index = drawn.findIndex((curve) => curve.network === network);
  return index < 0 ? "" : `key ${toneOf(index)}`;
};

function curves({ curves: drawn }: CompareReport): Html {
  if (drawn.length === 0) return html``;
  const frozen = drawn.map(({ rows }) => rows.filter(({ phase }) => phase === "frozen").length);
  // Where it is not the same for all, as when one stopped early, a line would be wrong for the others.
  const [first = 0] = frozen;
  const alike = first > 0 && frozen.every((count) => count === first) && drawn.some(({ rows }) => rows.length > first);
  const boundaries = alike ? [{ x: first, label: "unfrozen" }] : [];
  const series = (value: (row: HistoryRow) => number) =>
    drawn.map(({ network, rows }) => ({
      name: network,
      points: rows.map((row, i) => [i + 1, value(row)] as const),
      marks: true,
    }));
  const shared = { xLabel: "epoch", boundaries };
  return html`<section><h2>Curves</h2><div class="charts">
${lineChart({ ...shared, title: "Accuracy", series: series((row) => row.accuracy), format: share })}
${lineChart({ ...shared, title: "Validation loss", series: series((row) => row.validLoss) })}
</div></section>`;
}

function costs({ results, curves: drawn }: CompareReport): Html {
  const trained = results.filter(isTrained);
  if (trained.length === 0) return html``;
  const longest = Math.max(...trained.map(({ seconds }) => seconds));
  const [unit, of] = longest < 180 ? ["seconds", 1] : longest < 3 * 3600 ? ["minutes", 60] : ["hours", 3600];
  const dots = (cost: (row: TrainedNetwork) => number) =>
    trained.map((row) => ({
      name: row.network,
      x: cost(row),
      y: row.accuracy,
      ...row.interval95,
      tone: Math.max(
        0,
        drawn.findIndex(({ network }) => network === row.network),
      ),
    }));
  return html`<section><h2>What accuracy costs</h2><div class="charts">
${scatterChart({ title: "Accuracy and training time", xLabel: unit, dots: dots((row) => row.seconds / of), formatY: share })}
${scatterChart({ title: "Accuracy and size of the model file", xLabel: "MB", dots: dots((row) => row.model_bytes / 1e6), formatY: share })}
</div><p class="quiet">Upright lines: 95 % interval of the accuracy.</p></section>`;
}

function disagreements({ agreement }: CompareReport): Html {
  const { networks, right, wrong, disagreements: count, shown } = agreement;
  if (networks.length < 2) return html``;
  const cards = shown.map(({ file, actual, answers, thumbnail }) => {
    const lines = answers.map((answer, i) => {
      const hit = answer === actual;
      return html`<div><dt>${networks[i]!}</dt><dd class="${hit ? "right" : "wrong"}">${answer} ${hit ? "✓" : "✗"}</dd></div>`;
    });
    return html`<li>${pictureOf(thumbnail)}<p><strong>${actual}</strong></p><dl>${join(lines)}</dl><p class="quiet"><code>${file}</code></p></li>`;
  });
  const more = count - shown.length;
  return html`<section><h2>Where they disagree</h2>
<p>Of ${right + wrong + count} held-out photos all networks name ${right} right, ${wrong} alike but wrong, and ${count} differently.</p>
<p class="quiet">Those that split the networks most evenly come first${more > 0 ? `; ${more} more are in each run's predictions.csv` : ""}.</p>
<ul class="photos answers">${join(cards)}</ul></section>`;
}

const share = (value: number) => `${+(100 * value).toFixed(2)} %`;
const megabytes = ({ model_bytes }: TrainedNetwork) => (model_bytes / 1e6).toFixed(1);
const probability = (p: number) => (p < 0.001 ? p.toExponential(0) : p.toFixed(3));
