// The comparison's pure pieces: McNemar's test, the ranking, where networks disagree, the CSV, the table, time left, settings, the page.

import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { agreement } from "../../src/compare/disagreement.ts";
import { mcnemarExact } from "../../src/compare/mcnemar.ts";
import {
  againstBest,
  compareCsv,
  type NetworkResult,
  type PhotoAnswer,
  ranked,
  type TrainedNetwork,
} from "../../src/compare/result.ts";
import {
  type CompareOptions,
  type CompareSettings,
  compareSettings,
  resumedSettings,
  savedSettings,
} from "../../src/compare/settings.ts";
import { timeLeft } from "../../src/compare/timeLeft.ts";
import { compareTable, verdict } from "../../src/output/compareTable.ts";
import { csvLine, csvRows } from "../../src/output/csv.ts";
import { type CompareReport, renderCompareReport } from "../../src/report/compareReport.ts";

const trained = (network: string, part: Partial<TrainedNetwork> = {}): TrainedNetwork => ({
  network,
  start_weights: "random",
  train_loss: 0.75,
  valid_loss: 0.5,
  error_rate: 0.25,
  accuracy: 0.75,
  interval95: { low: 0.625, high: 0.875 },
  count: 4,
  trained_on: 12,
  epochs: 2,
  seconds: 61.25,
  parameters: 3_540_000,
  model_bytes: 7_090_000,
  latency_ms: 1.775,
  run: "/runs/x",
  ...part,
});
const failed = (network: string): NetworkResult => ({
  network,
  error: { code: "WEIGHTS_MISSING", message: "no file" },
});

/** `answers("aab", "aba")`: three photos, named a, b, a. */
const answers = (actual: string, predicted: string): PhotoAnswer[] =>
  [...actual].map((name, i) => ({ file: `${i}.jpg`, actual: name, predicted: predicted[i]! }));

describe("McNemar's exact test", () => {
  // 2 P(X <= min(a, b)) for X binomial with n = a + b and 1/2, in Python's fractions.
  it.each([
    [0, 0, 1],
    [0, 1, 1],
    [0, 5, 0.0625],
    [0, 6, 0.03125],
    [10, 2, 0.03857421875],
    [1, 9, 0.021484375],
    [6, 16, 0.052478790283203125],
    [4, 4, 1],
    [3, 4, 1],
    // The example of Wikipedia's article on the test.
    [59, 121, 4.434449263755176e-6],
    [700, 800, 0.010559255466711544],
    [1200, 1000, 2.1817026407914712e-5],
  ])("of %i against %i is %d", (a, b, p) => {
    expect(mcnemarExact(a, b) / p).toBeCloseTo(1, 9);
  });

  it("is a probability, the same both ways round, smaller the further apart", () => {
    const count = fc.nat(3000);
    fc.assert(
      fc.property(count, count, (a, b) => {
        const p = mcnemarExact(a, b);
        expect(p).toBeGreaterThanOrEqual(0);
        expect(p).toBeLessThanOrEqual(1);
        expect(mcnemarExact(b, a)).toBe(p);
        expect(mcnemarExact(Math.min(a, b), Math.max(a, b) + 1)).toBeLessThanOrEqual(p * (1 + 1e-9));
      }),
    );
  });
});

describe("results", () => {
  it("are ranked by accuracy, equal ones by validation loss, failures last", () => {
    const results = [failed("f"), trained("worse", { accuracy: 0.5 }), trained("b", { valid_loss: 0.6 }), trained("a")];
    expect(ranked(results).map(({ network }) => network)).toEqual(["a", "b", "worse", "f"]);
  });

  it("are set against the best by the photos that one of the two alone named right", () => {
    const lists = new Map([
      ["best", answers("aaaab", "aaabb")],
      ["other", answers("aaaab", "abbaa")],
    ]);
    // Photos 1, 2 and 4 the best alone, 3 the other alone: 2 (1 + 4) / 16.
    expect([...againstBest("best", lists).values()]).toEqual([
      { network: "other", only_best: 3, only_this: 1, p: 0.625 },
    ]);
  });

  it("make a CSV with what failed in it, and names quoted", () => {
    const against = new Map([["b", { network: "b", only_best: 2, only_this: 1, p: 1 }]]);
    const csv = compareCsv(
      [trained("a", { start_weights: 'x,"y"', valid_loss: Number.NaN }), trained("b"), failed("c")],
      against,
    );
    expect(
      csv,
    ).toBe(`network,start_weights,train_loss,valid_loss,error_rate,accuracy,accuracy_low,accuracy_high,held_out,trained_on,epochs,seconds,parameters,model_bytes,latency_ms,p_against_best,error
a,"x,""y""",0.750000,nan,0.250000,0.750000,0.625000,0.875000,4,12,2,61.3,3540000,7090000,1.77,,
b,random,0.750000,0.500000,0.250000,0.750000,0.625000,0.875000,4,12,2,61.3,3540000,7090000,1.77,1.000,
c,,,,,,,,,,,,,,,,WEIGHTS_MISSING
`);
  });

  it("are read back from a CSV whatever files are called", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.string({ unit: "grapheme" }), { minLength: 1 })), (rows) => {
        expect(csvRows(rows.map(csvLine).join(""))).toEqual(rows);
      }),
    );
  });
});

describe("where networks disagree", () => {
  it("photos that split them evenly come first, then those with more names; agreement is counted", () => {
    const lists = ["aaaab", "abbab", "abcac", "aadcc"].map((named) => answers("aaaaa", named));
    // Photo 0: all right. 1: two of four. 2: one of four, four names. 3: three of four. 4: none, two names.
    const { right, wrong, disagreements } = agreement(lists);
    expect([right, wrong]).toEqual([1, 0]);
    expect(disagreements.map(({ file }) => file)).toEqual(["1.jpg", "2.jpg", "3.jpg", "4.jpg"]);
    expect(disagreements[1]).toEqual({ file: "2.jpg", actual: "a", answers: ["a", "b", "c", "d"] });
    expect(agreement([answers("ab", "aa"), answers("ab", "aa")])).toEqual({ right: 1, wrong: 1, disagreements: [] });
    expect(agreement([])).toEqual({ right: 0, wrong: 0, disagreements: [] });
  });
});

describe("the table", () => {
  const results = [
    trained("mobilenet_v2", { start_weights: "mobilenet_v2.tf_in1k", accuracy: 0.9 }),
    trained("vgg16", { start_weights: "random (none at hand)", seconds: 4000 }),
    failed("resnet34"),
  ];

  it("has a row per network, words left and numbers right", () => {
    expect(compareTable(results, Number.POSITIVE_INFINITY)).toBe(
      `network       start weights          train_loss  valid_loss  error_rate  accuracy     95 % interval     time  parameters    file  one photo
mobilenet_v2  tf_in1k                    0.7500      0.5000      0.2500    90.0 %  62.5 % to 87.5 %    01:01       3.5 M  7.1 MB     1.8 ms
vgg16         random (none at hand)      0.7500      0.5000      0.2500    75.0 %  62.5 % to 87.5 %  1:06:40       3.5 M  7.1 MB     1.8 ms
resnet34      failed: WEIGHTS_MISSING`,
    );
  });

  it("leaves its last columns away in a narrow terminal, but none of the project's own", () => {
    expect(compareTable(results, 120).split("\n")[0]).toMatch(/time {2}parameters$/);
    expect(compareTable(results, 40).split("\n")[0]).toMatch(/95 % interval {5}time$/);
  });

  it("names the best, and those that cannot be told from it", () => {
    const against = (p: number) => new Map([["vgg16", { network: "vgg16", only_best: 5, only_this: 1, p }]]);
    expect(verdict(results, against(0.21))).toBe(
      "best: mobilenet_v2, 90.0 % of 4 held-out photos\nnot distinguishable from it on 4 photos (McNemar's exact test): vgg16 (p = 0.21)",
    );
    expect(verdict(results, against(0.04))).toContain("the others are worse by more than chance explains");
    expect(verdict(results.slice(0, 1), new Map())).toBe("best: mobilenet_v2, 90.0 % of 4 held-out photos");
    expect(verdict([failed("a")], new Map())).toBeUndefined();
  });
});

test("the time left is known once an epoch in which all layers train is over", () => {
  const row = (phase: "frozen" | "unfrozen", seconds: number) => ({
    ...{ phase, epoch: 0, size: 32, trainLoss: 1, validLoss: 1, errorRate: 1, accuracy: 0, lr: 1 },
    ...{ seconds, engineSeconds: 0, waitSeconds: 0 },
  });
  expect(timeLeft([row("frozen", 10)], 5, 0.5)).toBeUndefined();
  expect(timeLeft([row("frozen", 10), row("unfrozen", 100)], 5, 0.25)).toBe(375);
  expect(timeLeft([row("unfrozen", 100), row("unfrozen", 80)], 2, 1)).toBe(0);
});

describe("options", () => {
  const settings = (options: CompareOptions) => compareSettings("/photos", options);

  it("are train's, for each network named", () => {
    expect(settings({ archs: "resnet34, mobilenet_v2.tf_in1k", epochs: "3", weights: "none" })).toMatchObject({
      networks: ["resnet34", "mobilenet_v2.tf_in1k"],
      config: { data: "/photos", weights: "none", learner: { epochs: 3 } },
    });
    expect(settings({}).networks).toEqual("resnet34 googlenet vgg16 mobilenet_v3_small mobilenet_v2".split(" "));
  });

  it.each([
    [{ archs: "vgg16,resnet43" }, "for `--archs` but received `resnet43`; did you mean"],
    [{ archs: "vgg16,resnet34,vgg16" }, "expected every network once for `--archs` but received vgg16 twice"],
    [{ archs: "vgg16,,resnet34" }, "expected names with commas between for `--archs`"],
    [{ archs: "" }, "expected names with commas between"],
    [{ weights: "mobilenet_v2.tf_in1k" }, "expected none, for all networks"],
    [{ weights: "mine.pth" }, "name it as arch.weights in --archs"],
    [{ epochs: "many" }, "a whole number from 0 to 10000 for `--epochs`"],
  ])("%o are refused", (options, message) => {
    expect(() => settings(options)).toThrow(message);
  });

  const saved: CompareSettings = { ...settings({ archs: "vgg16,resnet34", epochs: "3" }), photos: "abc" };
  const resumed = (options: CompareOptions, data?: string) => resumedSettings(saved, options, data, "runs/mine");

  it("of a resumed comparison may be given again, but not changed", () => {
    expect(resumed({})).toEqual(saved);
    expect(resumed({ archs: "vgg16, resnet34", epochs: "3" }, "/photos")).toEqual(saved);
    const expectMismatch = (options: CompareOptions, option: string, data?: string) =>
      expect(() => resumed(options, data)).toThrow(
        expect.objectContaining({ code: "CONFIG_MISMATCH", message: expect.stringContaining(`for \`${option}\``) }),
      );
    expectMismatch({ archs: "resnet34,vgg16" }, "--archs");
    expectMismatch({ epochs: "4" }, "--epochs");
    expectMismatch({ weights: "none" }, "--weights");
    expectMismatch({}, "<data>", "/others");
  });

  it("that name no setting of the networks may be new", () => {
    expect(resumed({ randomIfMissing: true, copyBest: "/best" })).toEqual({
      ...saved,
      randomIfMissing: true,
      copyBest: "/best",
    });
  });

  it("are read back from compare.json, which is refused where it is none", () => {
    expect(savedSettings(JSON.stringify(saved), "compare.json")).toEqual(saved);
    for (const text of ["{", "[]", "null", "{}", JSON.stringify({ ...saved, config: {} })])
      expect(() => savedSettings(text, "compare.json")).toThrow(
        expect.objectContaining({ code: "CHECKPOINT_INVALID", message: expect.stringContaining("`compare.json`") }),
      );
  });
});

describe("the page", () => {
  const PIXEL = "data:image/png;base64,iVBORw0KGgo=";
  const rows = [1, 2, 3].map((i) => ({
    ...{ epoch: i, phase: i === 1 ? "frozen" : "unfrozen", trainLoss: 1, validLoss: 1 / i, accuracy: 1 - 1 / (i + 1) },
    ...{ errorRate: 0, seconds: 1, lr: 1 },
  }));
  const report = (part: Partial<CompareReport> = {}, name = "vgg16"): CompareReport => ({
    title: "3 networks on photos",
    finishedAt: "2026-11-22T09:14:40Z",
    program: "ballsight 0.1.0",
    results: [trained(name), trained("resnet34", { accuracy: 0.5, seconds: 3600 }), failed("googlenet")],
    against: new Map([["resnet34", { network: "resnet34", only_best: 2, only_this: 1, p: 1 }]]),
    curves: [
      { network: "resnet34", rows },
      { network: name, rows },
    ],
    agreement: {
      networks: [name, "resnet34"],
      right: 1,
      wrong: 0,
      disagreements: 3,
      shown: [{ file: "a/1.jpg", actual: "Golf", answers: ["Golf", "Tennis"], thumbnail: PIXEL }],
    },
    warnings: ["googlenet failed: no file"],
    settings: [["data", "/photos"]],
    ...part,
  });

  it("asks nothing of the network and runs nothing", () => {
    const page = renderCompareReport(report());
    expect(page).not.toMatch(/https?:|\/\/\w|@import|<link|<script|<iframe|\bon\w+=|url\(/i);
    for (const [, source] of page.matchAll(/(?:src|href)="([^"]*)"/g)) expect(source).toMatch(/^data:image\//);
    expect(page).toContain(`content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"`);
  });

  it("has the table, the verdict, the curves, the costs and the photos", () => {
    const page = renderCompareReport(report());
    const words = page
      .replace(/<style>.*<\/style>/s, "")
      .replace(/<[^>]+>/g, " ")
      .replace(/\s+/g, " ");
    for (const expected of [
      "Best: vgg16. Not distinguishable from it on these 4 photos: resnet34.",
      "on new ones the best of 2 tends to do a little worse than here.",
      "vgg16 random 75.0 % 62.5 % – 87.5 % 25.0 % 0.7500 0.5000 01:01 3.5 M 7.1 MB 1.8 ms best",
      "resnet34 random 50.0 % 62.5 % – 87.5 % 25.0 % 0.7500 0.5000 1:00:00 3.5 M 7.1 MB 1.8 ms 1 : 2 p = 1.000",
      "googlenet failed: WEIGHTS_MISSING",
      "googlenet failed: no file",
      "Of 4 held-out photos all networks name 1 right, 0 alike but wrong, and 3 differently.",
      "2 more are in each run&#39;s predictions.csv",
      "Golf vgg16 Golf ✓ resnet34 Tennis ✗ a/1.jpg",
      "unfrozen",
      "minutes",
    ]) {
      expect(words).toContain(expected);
    }
    expect(page.match(/<svg /g)).toHaveLength(4);
    // Two lines in two charts, a dot per network and point, and per network in each of two scatters.
    expect(page.match(/<path d="M/g)).toHaveLength(4);
    expect(page.match(/<circle /g)).toHaveLength(2 * 2 * 3 + 2 * 2);
    // vgg16 is the second curve: the same colour in the table, the charts and the scatters.
    expect(page).toMatch(/<span class="key s2">vgg16/);
    expect(page).toMatch(/class="dot s2"><title>vgg16/);
  });

  it("escapes whatever strangers name things", () => {
    const bad = `<script>alert('1')</script><img src=x onerror="x">&`;
    const page = renderCompareReport(
      report(
        {
          title: bad,
          agreement: {
            ...{ networks: [bad, bad], right: 0, wrong: 0, disagreements: 1 },
            shown: [{ file: bad, actual: bad, answers: [bad, "b"], thumbnail: `data:image/png;base64,"${bad}` }],
          },
          warnings: [bad],
          settings: [[bad, bad]],
        },
        bad,
      ),
    );
    expect(page).not.toMatch(/<script/i);
    expect(page).not.toContain("<img");
    expect(page.match(/&lt;script&gt;alert\(&#39;1&#39;\)/g)!.length).toBeGreaterThan(10);
  });

  it("is whole where nothing is trained, and where losses are no numbers", () => {
    const agreement = { networks: [], right: 0, wrong: 0, disagreements: 0, shown: [] };
    const empty = renderCompareReport(report({ results: [failed("a")], against: new Map(), curves: [], agreement }));
    expect(empty).toContain("No network is trained yet.");
    const odd = trained("vgg16", { train_loss: Number.NaN, valid_loss: Number.NaN, seconds: 0 });
    const wrong = renderCompareReport(report({ results: [odd], against: new Map() }));
    expect(wrong).not.toMatch(/(?:[xy][12]?|c[xy]|d)="[^"]*(NaN|undefined|Infinity)/);
  });
});
