// report.html: one training on one page, in one file that asks nothing of the network.

import type { CurvePoint, ReliabilityBin } from "@ballsight/vision";
import { clock, type HistoryRow, sixDecimals } from "../run/history.ts";
import { calibrationSection } from "./calibration.ts";
import { lineChart, type Series } from "./chart.ts";
import { confusionSection } from "./confusion.ts";
import { type Html, html, join, percent } from "./html.ts";
import { headline, type Notes, notes, renderPage, type Settings, settingsTable } from "./page.ts";
import { type WorstPhoto, worstPhotos } from "./photos.ts";

/** What the page's title says behind the run's name. */
export const TRAINING_KIND = "training report";

/** Everything that the page shows, as plain JSON. */
export interface TrainReport extends Notes {
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
  /** Sentences below the figures. */
  readonly remarks: readonly string[];
  /** One row per epoch, phases in order. */
  readonly history: readonly HistoryRow[];
  /** Every few training steps over all phases, in order; long runs are thinned when drawn. */
  readonly curve: readonly CurvePoint[];
  readonly stepsPerEpoch: number;
  readonly settings: Settings;
  readonly classes: readonly string[];
  /** Counts [actual][predicted] on the held-out photos. */
  readonly confusion: readonly (readonly number[])[];
  readonly reliability: readonly ReliabilityBin[];
  /** 0..1 */
  readonly calibrationError: number;
  /** Held-out photos by loss, worst first. */
  readonly worst: readonly WorstPhoto[];
  readonly times: ReportTimes;
}

/** Seconds. */
export interface ReportTimes {
  readonly total: number;
  /** Computing training steps. */
  readonly engine: number;
  /** That the engine stood still because the next batch was not ready. */
  readonly dataWaited: number;
  /** Decoding photos before the first step; 0 when all were cached. */
  readonly caching: number;
}

/** The whole page. Pure: the same report gives the same text. */
export function renderTrainReport(report: TrainReport): string {
  const { title, finishedAt, program, result, remarks } = report;
  const top = headline({
    kind: "Training report",
    title,
    finishedAt,
    program,
    remarks,
    figures: [
      [percent(result.accuracy), "accuracy"],
      [percent(1 - result.accuracy), "error rate"],
      [sixDecimals(result.validLoss).slice(0, 6), "validation loss"],
      [String(result.count), result.count === 1 ? "held-out photo" : "held-out photos"],
      [clock(report.times.total), "training time"],
    ],
  });
  return renderPage(title, TRAINING_KIND, [
    top,
    notes(report),
    charts(report),
    epochTable(report),
    confusionSection(report.classes, report.confusion),
    calibrationSection(report.reliability, report.calibrationError),
    worstPhotos(
      "Worst photos",
      "The held-out photos with the largest loss: unusual views, or labels to check.",
      report.worst,
    ),
    times(report.times),
    settingsTable(report.settings),
  ]);
}

function charts({ history, curve, stepsPerEpoch }: TrainReport): Html {
  // Where nothing was recorded step by step, epochs have figures of their own.
  const hasCurve = curve.length > 0;
  const ends = history.map((_, i) => (i + 1) * (hasCurve ? stepsPerEpoch : 1));
  const boundaries = history.flatMap((row, i) =>
    i > 0 && row.phase !== history[i - 1]!.phase ? [{ x: ends[i - 1]!, label: row.phase }] : [],
  );
  const perEpoch = (name: string, value: (row: HistoryRow) => number): Series => ({
    name,
    points: history.map((row, i) => [ends[i]!, value(row)]),
    marks: true,
  });
  const perStep = (name: string, value: (point: CurvePoint) => number): Series => ({
    name,
    points: curve.map((point) => [point.step, value(point)]),
  });
  const train = hasCurve ? perStep("train (smoothed)", ({ loss }) => loss) : perEpoch("train", (row) => row.trainLoss);
  const rate = hasCurve ? perStep("rate", ({ lr }) => lr) : perEpoch("rate", (row) => row.lr);
  const accuracy = perEpoch("validation", (row) => row.accuracy);
  const shared = { xLabel: hasCurve ? "step" : "epoch", boundaries };
  return html`<section><h2>Curves</h2><div class="charts">
${lineChart({ ...shared, title: "Loss", series: [train, perEpoch("validation", (row) => row.validLoss)] })}
${lineChart({ ...shared, title: "Accuracy", series: [accuracy], format: (value) => `${+(value * 100).toFixed(2)} %` })}
${lineChart({ ...shared, title: "Learning rate", series: [rate], format: scientific })}
</div></section>`;
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

function times({ total, engine, dataWaited, caching }: ReportTimes): Html {
  const share = (seconds: number) => percent(total > 0 ? seconds / total : 0);
  const other = Math.max(0, total - engine - dataWaited - caching);
  const row = (name: string, seconds: number) =>
    html`<tr><th scope="row">${name}</th><td>${seconds.toFixed(1)} s</td><td>${share(seconds)}</td></tr>`;
  return html`<section><h2>Where the time went</h2><table class="numbers">
${row("engine, training", engine)}${row("engine waiting for data", dataWaited)}${row("decoding photos first", caching)}${row("validation and everything else", other)}
${row("in all", total)}</table></section>`;
}
