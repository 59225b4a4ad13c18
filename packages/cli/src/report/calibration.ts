// Whether the model is as sure as it is right: the reliability diagram, how sure it is, and the error in one number.

import type { ReliabilityBin } from "@ballsight/vision";
import { barChart } from "./bars.ts";
import { type Html, html, percent } from "./html.ts";

/** Fewer photos say little about a share: half of them right may be anything from a quarter to three quarters. */
const FEW = 10;

/** @param error expected calibration error, 0..1 */
export function calibrationSection(bins: readonly ReliabilityBin[], error: number): Html {
  const filled = bins.filter(({ count }) => count > 0);
  if (filled.length === 0) return html``;
  const said = filled.map((bin) => `${range(bin)} sure: ${percent(bin.accuracy)} of ${bin.count} right`);
  const reliability = barChart({
    title: "Right, by how sure the model is",
    xLabel: "sure",
    diagonal: true,
    description: said.join("; "),
    bars: filled.map((bin, i) => ({
      from: bin.low,
      to: bin.high,
      value: bin.accuracy,
      title: said[i]!,
      pale: bin.count < FEW,
    })),
  });
  const histogram = barChart({
    title: "Photos, by how sure the model is",
    xLabel: "sure",
    description: filled.map((bin) => `${range(bin)}: ${bin.count}`).join("; "),
    bars: filled.map((bin) => ({
      from: bin.low,
      to: bin.high,
      value: bin.count,
      title: `${range(bin)}: ${bin.count}`,
    })),
  });
  return html`<section><h2>Calibration</h2>
<p>Expected calibration error ${percent(error)}. ${verdict(filled)}</p>
<p class="quiet">On the dashed line the model would be right as often as it says; bars above it are more often right than they say. Pale: fewer than ${FEW} photos.</p>
<div class="charts">${reliability}${histogram}</div></section>`;
}

/** The two means in words, where they differ by more than a hundredth. */
function verdict(bins: readonly ReliabilityBin[]): string {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  const mean = (pick: (bin: ReliabilityBin) => number) =>
    bins.reduce((sum, bin) => sum + bin.count * pick(bin), 0) / total;
  const [confidence, accuracy] = [mean((bin) => bin.confidence), mean((bin) => bin.accuracy)];
  const gap = accuracy - confidence;
  const words = `It is ${percent(confidence)} sure on average and right for ${percent(accuracy)}`;
  if (Math.abs(gap) <= 0.01) return `${words}.`;
  return `${words}: ${gap > 0 ? "less sure than it could be" : "surer than it should be"}.`;
}

const range = ({ low, high }: ReliabilityBin) => `${Math.round(100 * low)}–${Math.round(100 * high)}\u00a0%`;
