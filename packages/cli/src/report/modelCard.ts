// The model card of a run, in Markdown: what the recogniser knows, how well, what it was made from and how to make it again.

import { oneLine } from "../output/text.ts";

export interface ModelCard {
  readonly title: string;
  readonly accuracy: number;
  readonly interval95: { readonly low: number; readonly high: number };
  readonly count: number;
  readonly trainedOn: number;
  readonly classes: readonly {
    readonly label: string;
    readonly precision: number;
    readonly recall: number;
    readonly f1: number;
    readonly support: number;
  }[];
  /** Counts [actual][predicted]. */
  readonly confusion: readonly (readonly number[])[];
  readonly architecture: string;
  readonly weights: string;
  readonly license: string;
  /** sha256 of the data set's list. */
  readonly data: string;
  readonly split: string;
  readonly command: string;
  readonly history: readonly {
    readonly phase: string;
    readonly epoch: number;
    readonly size: number;
    readonly trainLoss: number;
    readonly validLoss: number;
    readonly accuracy: number;
  }[];
  readonly remarks: readonly string[];
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** Names of folders and files as they are, whatever Markdown or HTML would make of them. */
const plain = (name: string) => oneLine(name).replace(/[\\`*[\]<>|&]/g, "\\$&");

/** In a table, where `|` ends a cell in code too; the fence is longer than any run of backticks within (CommonMark 6.1). */
function code(text: string): string {
  const longest = Math.max(0, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length));
  const [fence, gap] = longest === 0 ? ["`", ""] : ["`".repeat(longest + 1), " "];
  return `${fence}${gap}${oneLine(text).replaceAll("|", "\\|")}${gap}${fence}`;
}

export function renderModelCard(card: ModelCard): string {
  const { confusion } = card;
  const classes = card.classes.map((scores) => ({ ...scores, label: plain(scores.label) }));
  return `# ${plain(card.title)}

${percent(card.accuracy)} of ${card.count} held-out photos named right (95 % interval ${percent(card.interval95.low)} to ${percent(card.interval95.high)}); trained on ${card.trainedOn} others.
${card.remarks.length === 0 ? "" : `\n${card.remarks.join(" ")}\n`}
| | |
|---|---|
| architecture | ${card.architecture} |
| started from | ${plain(card.weights)} (${plain(card.license)}) |
| data | list sha256 \`${card.data}\` |
| held out | ${card.split} |
| made by | ${code(card.command)} |

## Per class, on the held-out photos
| label | precision | recall | F1 | photos |
|---|---|---|---|---|
${classes.map(({ label, precision, recall, f1, support }) => `| ${label} | ${percent(precision)} | ${percent(recall)} | ${percent(f1)} | ${support} |`).join("\n")}

## Confusion (rows: actual, columns: answered)
| | ${classes.map(({ label }) => label).join(" | ")} |
|---|${classes.map(() => "---").join("|")}|
${confusion.map((row, i) => `| **${classes[i]?.label}** | ${row.map((count) => (count === 0 ? "" : String(count))).join(" | ")} |`).join("\n")}

## History
| phase | epoch | px | train loss | valid loss | accuracy |
|---|---|---|---|---|---|
${card.history.map((row) => `| ${row.phase} | ${row.epoch} | ${row.size} | ${row.trainLoss.toFixed(4)} | ${row.validLoss.toFixed(4)} | ${percent(row.accuracy)} |`).join("\n")}

Train losses include MixUp and augmentation where they are on, and label smoothing; valid losses include label smoothing.
`;
}
