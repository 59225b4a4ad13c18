// The report page as text: whole, self-contained, safe against what strangers name their files, and right in its numbers.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ticks } from "../../src/report/axes.ts";
import { lineChart } from "../../src/report/chart.ts";
import { html, text } from "../../src/report/html.ts";
import { renderModelCard } from "../../src/report/modelCard.ts";
import { renderTrainReport, type TrainReport } from "../../src/report/trainReport.ts";

const PIXEL = "data:image/png;base64,iVBORw0KGgo=";

const report: TrainReport = {
  title: "mobilenet_v2-20261122-090507",
  finishedAt: "2026-11-22T09:14:40",
  program: "ballsight 0.1.0",
  result: { accuracy: 0.9412, validLoss: 0.2123, count: 17 },
  history: [
    row({ epoch: 0, phase: "frozen", trainLoss: 1.25, validLoss: 0.75, accuracy: 0.75, seconds: 61 }),
    row({ epoch: 0, phase: "unfrozen", trainLoss: 0.5, validLoss: 0.25, accuracy: 0.9412, seconds: 3700 }),
  ],
  curve: [
    { step: 10, loss: 2, lr: 1e-4 },
    { step: 20, loss: 1.25, lr: 2e-3 },
    { step: 30, loss: 0.5, lr: 1e-8 },
  ],
  stepsPerEpoch: 17,
  settings: [
    ["arch", "mobilenet_v2"],
    ["lr", 0.002],
    ["resume", false],
  ],
  remarks: ["Kept epoch 2 of the <frozen> phase."],
  classes: ["Мяч", "ボール", "Golf"],
  confusion: [
    [5, 2, 0],
    [0, 0, 0],
    [1, 2, 7],
  ],
  // 17 answers: two 60 % sure of which one is right, fifteen 90 % sure of which twelve are.
  reliability: [
    { low: 0, high: 0.5, count: 0, confidence: Number.NaN, accuracy: Number.NaN },
    { low: 0.5, high: 0.75, count: 2, confidence: 0.6, accuracy: 0.5 },
    { low: 0.75, high: 1, count: 15, confidence: 0.9, accuracy: 0.8 },
  ],
  calibrationError: 0.1,
  worst: [
    { file: "Golf/1.jpg", actual: "Golf", predicted: "Мяч", loss: 6.213, probability: 0.9876, thumbnail: PIXEL },
    { file: "Golf/2.jpg", actual: "Golf", predicted: "Golf", loss: 0.7, probability: 0.5 },
  ],
  times: { total: 100, engine: 90, dataWaited: 2, caching: 5 },
  unreadable: [{ file: "Golf/bad.jpg", message: "no photo" }],
  warnings: ["a class is empty"],
};

function row(part: Partial<TrainReport["history"][number]>): TrainReport["history"][number] {
  return {
    epoch: 0,
    trainLoss: 1,
    validLoss: 1,
    errorRate: 1 - (part.accuracy ?? 0),
    accuracy: 0,
    seconds: 1,
    phase: "frozen",
    lr: 1e-3,
    ...part,
  };
}

describe("the page", () => {
  const page = renderTrainReport(report);

  it("asks nothing of the network and runs nothing", () => {
    expect(page).not.toMatch(/https?:|\/\/\w|@import|<link|<script|<iframe|\bon\w+=|url\(/i);
    for (const [, source] of page.matchAll(/(?:src|href)="([^"]*)"/g)) expect(source).toMatch(/^data:image\//);
    expect(page).toContain(`content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"`);
  });

  it("has the figures, the table, the settings and the times", () => {
    const words = page
      .replace(/<style>.*<\/style>/s, "")
      .replace(/<[^>]+>/g, " ")
      .replace(/\s+/g, " ");
    for (const expected of [
      "Kept epoch 2 of the &lt;frozen&gt; phase.",
      "94.1 % accuracy",
      "5.9 % error rate",
      "0.2123 validation loss",
      "17 held-out photos",
      "Finished 2026-11-22 09:14",
      "frozen 0 1.250000 0.750000 0.250000 0.750000 01:01 unfrozen 0 0.500000 0.250000 0.058800 0.941200 1:01:40",
      // Precision 5/6, 0/4, 7/7; F1 10/13, 0, 14/17.
      "recall precision F1 Мяч 71.4 % 5 of 7 83.3 % 76.9 %",
      "ボール - 0 of 0 0.0 % 0.0 %",
      "Golf 70.0 % 7 of 10 100.0 % 82.4 %",
      "Expected calibration error 10.0 %. It is 86.5 % sure on average and right for 76.5 %: surer than it should be.",
      "2 Мяч named ボール 2 Golf named ボール 1 Golf named Мяч",
      "Golf named Мяч 98.8 % loss 6.21 Golf/1.jpg",
      "Golf also named Golf 50.0 % loss 0.70 Golf/2.jpg",
      "engine, training 90.0 s 90.0 %",
      "engine waiting for data 2.0 s 2.0 %",
      "validation and everything else 3.0 s 3.0 %",
      "1 photo could not be read and took no part Golf/bad.jpg no photo",
      "a class is empty",
      "lr 0.002 resume false",
    ]) {
      expect(words).toContain(expected);
    }
    expect(page.match(/<img /g)).toHaveLength(1);
  });

  it("draws one line per curve and marks where the network was unfrozen", () => {
    expect(page.match(/<svg /g)).toHaveLength(5);
    expect(page.match(/<path d="M/g)).toHaveLength(4);
    expect(page.match(/class="wall"/g)).toHaveLength(3);
    expect(page).toContain('aria-label="Loss: train (smoothed) from 2 to 0.5, validation from 0.75 to 0.25"');
    expect(page).toContain('aria-label="Accuracy: validation from 75 % to 94.12 %"');
  });

  it("puts epochs where they ended on the axis of steps, those too that end before the curve's first point", () => {
    const history = [1, 2, 3, 4].map((epoch) =>
      row({ epoch, phase: epoch === 1 ? "frozen" : "unfrozen", accuracy: 0.5 }),
    );
    const curve = [10, 20].map((step) => ({ step, loss: 1, lr: 1e-3 }));
    const drawn = renderTrainReport({ ...report, history, curve, stepsPerEpoch: 6 });
    const ends = [...drawn.matchAll(/<title>validation, step (\d+): 50 %</g)].map(([, step]) => Number(step));
    expect(ends).toEqual([6, 12, 18, 24]);
    // The network was unfrozen at 6; the axis, 334 wide from 56 on, ends at 24.
    expect(Number(/class="wall" x1="([\d.]+)"/.exec(drawn)![1])).toBeCloseTo(56 + 334 / 4, 1);
  });

  it("escapes whatever a name holds, wherever it is shown", () => {
    const bad = `"><script>alert('1')</script>&`;
    const poisoned = renderTrainReport({
      ...report,
      title: bad,
      program: bad,
      classes: [bad, "b", "c"],
      settings: [[bad, bad]],
      warnings: [bad],
      unreadable: [{ file: bad, message: bad }],
      history: [row({ phase: bad }), row({ phase: `${bad}2` })],
      worst: [
        { file: bad, actual: bad, predicted: bad, loss: 1, probability: 1, thumbnail: `data:image/png;base64,"${bad}` },
      ],
    });
    expect(poisoned).not.toMatch(/<script/i);
    expect(poisoned).not.toContain("<img");
    expect(poisoned.match(/&lt;script&gt;alert\(&#39;1&#39;\)/g)!.length).toBeGreaterThan(12);
  });

  it("takes a thumbnail from nowhere but a data URL of an image", () => {
    for (const thumbnail of ["https://example.org/a.png", "data:text/html;base64,AAAA", "javascript:alert(1)", ""]) {
      expect(renderTrainReport({ ...report, worst: [{ ...report.worst[0]!, thumbnail }] })).not.toContain("<img");
    }
  });

  it("is whole for a run that has nothing to show yet, and for one that went wrong", () => {
    const empty = {
      history: [],
      curve: [],
      settings: [],
      classes: [],
      confusion: [],
      reliability: [],
      worst: [],
      unreadable: [],
      warnings: [],
    };
    expect(renderTrainReport({ ...report, ...empty })).toContain("No values.");
    const wrong = renderTrainReport({
      ...report,
      history: [row({ trainLoss: Number.NaN, validLoss: Number.NaN })],
      curve: [{ step: 10, loss: Number.NaN, lr: 1e-3 }],
    });
    expect(wrong).toContain("<td>nan</td>");
    expect(wrong).not.toMatch(/d="[^"]*(NaN|undefined|Infinity)/);
  });

  it("stays small for a long run and leaves out a matrix that no screen shows", () => {
    const curve = Array.from({ length: 100_000 }, (_, i) => ({ step: 10 * (i + 1), loss: 1 / (i + 1), lr: 1e-3 }));
    const classes = Array.from({ length: 101 }, (_, i) => `class ${i}`);
    const confusion = classes.map((_, a) => classes.map((_, p) => Number(a === p)));
    const big = renderTrainReport({ ...report, curve, stepsPerEpoch: 500_000, classes, confusion });
    expect(big.length).toBeLessThan(80_000);
    expect(big).not.toContain('<table class="matrix">');
    expect(big).toContain("class 100");
  });
});

describe("the model card", () => {
  it("keeps its tables whole, whatever classes and folders are called", () => {
    const label = "a|b`c\nd<img src=x>*e*";
    const card = renderModelCard({
      title: "run <b>",
      accuracy: 1,
      interval95: { low: 0.9, high: 1 },
      count: 2,
      trainedOn: 3,
      classes: [{ label, precision: 1, recall: 1, f1: 1, support: 2 }],
      confusion: [[2]],
      architecture: "mobilenet_v2",
      weights: "my|weights.pth",
      license: "unknown",
      data: "00",
      split: "0.1",
      command: "ballsight train 'my `photos` | more'",
      history: [],
      remarks: [],
    });
    const cells = (begin: string) =>
      card
        .split("\n")
        .filter((line) => line.startsWith(begin))
        .map((line) => line.split(/(?<!\\)\|/).length - 2);
    expect(cells("| a\\|b")).toEqual([5]);
    expect(cells("| **a\\|b")).toEqual([2]);
    expect(cells("| started from")).toEqual([2]);
    expect(card).toContain("| made by | `` ballsight train 'my `photos` \\| more' `` |");
    expect(card).not.toMatch(/(?<!\\)<(img|b>)|[^\\]\*e/);
  });
});

describe("ticks", () => {
  it.each([
    [0, 2.6, [0, 1, 2, 3]],
    [0.66, 0.94, [0.6, 0.7, 0.8, 0.9, 1]],
    [0, 1680, [0, 500, 1000, 1500, 2000]],
    [1e-8, 2e-3, [0, 5e-4, 1e-3, 1.5e-3, 2e-3]],
    [5, 5, [5, 6]],
    [0, 0, [0, 0.2]],
  ])("of %d to %d are %o", (low, high, expected) => {
    const found = ticks(low, high, 5);
    expect(found[0]).toBeCloseTo(expected[0]!, 12);
    expect(found.length).toBeGreaterThanOrEqual(2);
    if (expected.length > 2) expect(found).toEqual(expected);
  });

  it("enclose the range, evenly and not too many", () => {
    const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(value, value, (a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        fc.pre(high - low > 1e-6 * Math.max(1, Math.abs(low), Math.abs(high)));
        const found = ticks(low, high, 5);
        const slack = (high - low) * 1e-6;
        expect(found[0]!).toBeLessThanOrEqual(low + slack);
        expect(found.at(-1)!).toBeGreaterThanOrEqual(high - slack);
        expect(found.length).toBeLessThanOrEqual(8);
      }),
    );
  });
});

describe("lineChart", () => {
  it("puts the points where the axes say", () => {
    const series = [
      {
        name: "a",
        points: [
          [0, 0],
          [10, 10],
          [20, 20],
        ] as const,
      },
    ];
    const svg = text(lineChart({ title: "t", xLabel: "x", series }));
    const [, path] = /<path d="([^"]+)"/.exec(svg)!;
    const points = path!
      .split(/[ML]/)
      .slice(1)
      .map((pair) => pair.split(" ").map(Number));
    // A straight line in the data is straight on the page, x to the right and y upwards.
    expect(points[1]![0]! - points[0]![0]!).toBeCloseTo(points[2]![0]! - points[1]![0]!, 5);
    expect(points[0]![1]! - points[1]![1]!).toBeCloseTo(points[1]![1]! - points[2]![1]!, 5);
    expect(points[2]![0]!).toBeGreaterThan(points[0]![0]!);
    expect(points[2]![1]!).toBeLessThan(points[0]![1]!);
  });

  it("draws marks without a line where they stand apart, and names them by the axis's own format", () => {
    const points = [[-3, 1] as const, [-1, 2] as const];
    const dots = { name: "dots", points, marks: true, apart: true };
    const formatX = (power: number) => `10^${power}`;
    const svg = text(lineChart({ title: "t", xLabel: "rate", series: [{ name: "a", points }, dots], formatX }));
    expect(svg.match(/<path d="M/g)).toHaveLength(1);
    expect(svg.match(/<circle /g)).toHaveLength(2);
    expect(svg).toContain("<title>dots, rate 10^-3: 1</title>");
    expect(svg).toContain(">10^-2<");
  });

  it("breaks the line where a value is missing", () => {
    const points = [
      [1, 1],
      [2, Number.NaN],
      [3, 1],
      [4, 2],
    ] as const;
    const svg = text(lineChart({ title: "t", xLabel: "x", series: [{ name: "a", points }] }));
    expect(/<path d="([^"]+)"/.exec(svg)![1]!.replace(/[^ML]/g, "")).toBe("MML");
  });
});

describe("html", () => {
  it("escapes values and keeps what it made itself", () => {
    expect(text(html`<a title="${`"<&>'`}">${html`<b>${1}</b>`}</a>`)).toBe(
      '<a title="&quot;&lt;&amp;&gt;&#39;"><b>1</b></a>',
    );
  });
});
