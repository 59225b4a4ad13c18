// The evaluation's pure pieces: labels by name, what a model file says of its training, the table, the answers as CSV, the page.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchLabels, nameSome } from "../../src/evaluate/labels.ts";
import { trainingRecord } from "../../src/evaluate/provenance.ts";
import { type EvaluationResult, evaluationResult, predictionsCsv } from "../../src/evaluate/result.ts";
import { evaluationTable } from "../../src/output/evaluationTable.ts";
import { renderEvaluationReport } from "../../src/report/evaluationReport.ts";

const circumstances = {
  model: "/models/toy.onnx",
  data: "/photos",
  split: { part: "all" },
  seen_in_training: null,
  warnings: [],
  left_out: [],
  unreadable: [],
} as const;

const files = ["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg"];
const answers = {
  // Named a, b, b, b; the third is right by .5, the second wrong by .75.
  probabilities: Float32Array.of(1, 0, 0.25, 0.75, 0.5 - 2 ** -10, 0.5 + 2 ** -10, 0.125, 0.875),
  predicted: Int32Array.of(0, 1, 1, 1),
  targets: Int32Array.of(0, 0, 1, 1),
};

function result(labels: readonly string[], changes: Partial<EvaluationResult> = {}): EvaluationResult {
  return { ...evaluationResult(labels, files, answers, 2, circumstances), ...changes };
}

describe("the result", () => {
  it("has the figures of the contract", () => {
    const { accuracy, error_rate, loss, count, labels, confusion, top_losses } = result(["a", "b"]);
    expect({ accuracy, error_rate, count, labels, confusion }).toEqual({
      accuracy: 0.75,
      error_rate: 0.25,
      count: 4,
      labels: ["a", "b"],
      confusion: [
        [1, 1],
        [0, 2],
      ],
    });
    expect(loss).toBeCloseTo((0 + Math.log(4) - Math.log(0.5 + 2 ** -10) - Math.log(0.875)) / 4, 9);
    expect(top_losses.map(({ file, probability }) => [file, probability])).toEqual([
      ["a/2.jpg", 0.75],
      ["b/1.jpg", 0.5 + 2 ** -10],
    ]);
  });

  it("is a CSV that a spreadsheet reads whatever files are called", () => {
    const odd = ['a/"x",\n.jpg', ...files.slice(1)];
    expect(predictionsCsv(["a", "b"], odd, answers).split("\n").slice(0, 4).join("\n")).toBe(
      `file,actual,predicted,correct,probability,actual_probability,loss
"a/""x"",
.jpg",a,a,1,1,1,0
a/2.jpg,a,b,0,0.75,0.25,1.386294`,
    );
  });
});

describe("labels", () => {
  it("match exactly first, then but for case and for how accents are spelled", () => {
    const labels = ["golf", "Golf", "Pétanque", "Tennis"];
    expect(matchLabels(["Golf", "GOLF", "golf", "pe\u0301tanque", "Darts"], labels, "photos")).toEqual({
      labelOf: [1, 1, 0, 2, -1],
      absent: ["Tennis"],
    });
  });

  it("that are all unknown name both sides, of many the first twelve", () => {
    const labels = Array.from({ length: 1000 }, (_, k) => `n${k}`);
    expect(() => matchLabels(["cat", "dog"], labels, "pets")).toThrow(
      "n10, n11 and 988 more) in `pets` but found cat, dog;",
    );
    expect(nameSome(labels.slice(0, 12))).toMatch(/n10, n11$/);
  });
});

describe("what a model file says of its training", () => {
  it("is read where it is as this program writes it", () => {
    const metrics = { accuracy: 1, classes: [{ label: "a", support: 3 }, { label: 7 }, null] };
    const metadata = { "ballsight.data": '"abc"', "ballsight.metrics": JSON.stringify(metrics) };
    expect(trainingRecord(metadata)).toEqual({ data: "abc", heldOut: new Map([["a", 3]]) });
  });

  it("is nothing in any other file", () => {
    expect(trainingRecord({})).toEqual({});
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const { data, heldOut } = trainingRecord({ "ballsight.data": text, "ballsight.metrics": text });
        expect(data ?? "text").toBeTypeOf("string");
        expect(heldOut ?? new Map()).toBeInstanceOf(Map);
      }),
    );
  });
});

describe("the table", () => {
  it("leaves a matrix that is wider than the terminal to the report", () => {
    expect(evaluationTable(result(["a", "b"]), 80)).toContain("confusion (rows");
    expect(evaluationTable(result(["a", "b"]), 6)).toContain(
      "confusion: 2 classes are wider than this terminal, see the report",
    );
  });

  it("leaves out classes without photos, and names that would move the cursor are harmless", () => {
    const wide = { ...answers, probabilities: Float32Array.from([1, 0, 0, 0.25, 0.75, 0, 0, 1, 0, 0.125, 0.875, 0]) };
    const text = evaluationTable(evaluationResult(["a", "\u001b[2J", "c"], files, wide, 2, circumstances), 80);
    expect(text).not.toMatch(/^(3 )?c /m);
    expect(text).toContain("\\u001b[2J");
    expect(text).not.toContain("\u001b");
  });
});

describe("the page", () => {
  const PIXEL = "data:image/png;base64,iVBORw0KGgo=";
  const page = (labels: readonly string[], changes: Partial<EvaluationResult> = {}, text = "toy.onnx on photos") => {
    const shown = result(labels, changes);
    return renderEvaluationReport({
      title: text,
      finishedAt: "2026-11-22T09:14:40Z",
      program: "ballsight 0.1.0",
      result: shown,
      worst: shown.top_losses.map((photo) => ({ ...photo, thumbnail: PIXEL })),
      settings: [["model", text]],
    });
  };

  it("asks nothing of the network and runs nothing", () => {
    expect(page(["a", "b"])).not.toMatch(/https?:|\/\/\w|@import|<link|<script|<iframe|\bon\w+=|url\(/i);
    for (const [, source] of page(["a", "b"]).matchAll(/(?:src|href)="([^"]*)"/g))
      expect(source).toMatch(/^data:image\//);
    expect(page(["a", "b"])).toContain(`content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"`);
  });

  it("has the figures, the matrix, the calibration and the photos", () => {
    const words = page(["a", "b"], { warnings: ["flattered"] })
      .replace(/<style>.*<\/style>/s, "")
      .replace(/<[^>]+>/g, " ")
      .replace(/\s+/g, " ");
    for (const expected of [
      "75.0 % accuracy 25.0 % error rate 0.5528 loss 73.3 % mean F1 4 photos",
      "95 % interval of the accuracy, as far as so many photos tell: 30.1 % to 95.4 %.",
      "precision 83.3 %, recall 75.0 %.",
      "To know flattered",
      "a 50.0 % 1 of 2 100.0 % 66.7 % b 100.0 % 2 of 2 66.7 % 80.0 %",
      "1 a named b",
      "a named b 75.0 % loss 1.39 a/2.jpg",
      "b also named b 50.1 % loss 0.69 b/1.jpg",
    ])
      expect(words).toContain(expected);
  });

  it("escapes whatever a name holds, wherever it is shown", () => {
    const bad = `"><script>alert('1')</script>&`;
    const error = { code: bad, message: bad };
    const poisoned = page(
      [bad, `${bad}2`],
      {
        warnings: [bad],
        unreadable: [{ file: bad, error }],
        top_losses: [{ file: bad, actual: bad, predicted: bad, loss: 1, probability: 1 }],
      },
      bad,
    );
    expect(poisoned).not.toMatch(/<script/i);
    expect(poisoned.match(/&lt;script&gt;alert\(&#39;1&#39;\)/g)!.length).toBeGreaterThan(15);
  });

  it("shows of a thousand labels those that count", () => {
    const labels = Array.from({ length: 1000 }, (_, k) => `label ${k}`);
    const confusion = labels.map(() => new Array<number>(1000).fill(0));
    confusion[3]![700] = 2;
    const large = page(["a", "b"], { labels, confusion });
    expect(large.match(/<table class="matrix">.*?<\/table>/s)![0].match(/<th /g)).toHaveLength(4);
    expect(large.length).toBeLessThan(40_000);
  });
});
