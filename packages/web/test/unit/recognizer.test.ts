// The recogniser page without a browser: what it is told, what files are, the table, words.

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sniff } from "../../../server/src/photos/sniff.ts";
import type { Answerer, Leaving } from "../../src/recognizer/answerer.ts";
import { csv } from "../../src/recognizer/csv.ts";
import { describeBytes } from "../../src/recognizer/device/kinds.ts";
import { type PagePhoto, Photos } from "../../src/recognizer/photos.ts";
import { DEFAULTS, parseSiteConfig, withServedModel } from "../../src/recognizer/siteConfig.ts";
import { apiSnippets } from "../../src/recognizer/snippets.ts";
import { spoken } from "../../src/recognizer/spoken.ts";
import { Store } from "../../src/recognizer/store.ts";
import { duration, hostWords, placeWords } from "../../src/recognizer/words.ts";

describe("ballsight.json", () => {
  test("whatever stands in it, the page gets a whole configuration; a whole one comes back as it is", () => {
    const odd = fc.oneof(fc.jsonValue(), fc.constant(undefined));
    fc.assert(
      fc.property(
        fc.oneof(odd, fc.record(Object.fromEntries(Object.keys(DEFAULTS).map((key) => [key, odd])))),
        (value) => {
          const config = parseSiteConfig(value);
          expect(Object.keys(config).sort()).toEqual(Object.keys(DEFAULTS).sort());
          expect(config.threshold).toBeGreaterThanOrEqual(0);
          expect(config.threshold).toBeLessThanOrEqual(1);
          expect(config.patience.answer).toBeGreaterThan(0);
          expect(parseSiteConfig(config)).toEqual(config);
        },
      ),
    );
  });

  test("no API is said by null alone", () => {
    expect([parseSiteConfig({}).api, parseSiteConfig({ api: null }).api, parseSiteConfig({ api: 5 }).api]).toEqual([
      ".",
      null,
      ".",
    ]);
  });

  test("a server's model takes the place of what the page was built with", () => {
    const config = {
      ...DEFAULTS,
      model: { url: "model.onnx", name: "m", bytes: 0 },
      examples: [
        { file: "a.jpg", label: "A" },
        { file: "b.jpg", label: "B" },
      ],
    };
    const served = withServedModel(config, {
      models: [{ id: "x", labels: ["B", "C"], sha256: "0123456789abcdef", bytes: 9 }],
    });
    expect(served).toMatchObject({
      labels: ["B", "C"],
      model: { url: "model.onnx?v=0123456789ab", name: "x", bytes: 9 },
    });
    expect(served.examples.map(({ label }) => label)).toEqual(["B"]);
    for (const nothing of [undefined, {}, { models: [] }, { models: [{ labels: [] }] }, "<html>"])
      expect(withServedModel(config, nothing)).toBe(config);
  });
});

// First bytes from the formats' specifications.
test.each<[string, string, boolean]>([
  ["ff d8 ff e0 00 10 4a 46 49 46", "JPEG", true],
  ["89 50 4e 47 0d 0a 1a 0a", "PNG", true],
  ["47 49 46 38 39 61", "GIF", true],
  ["52 49 46 46 24 00 00 00 57 45 42 50 56 50 38", "WebP", true],
  ["52 49 46 46 0a 0a 0a 0a 57 45 42 50", "WebP", true],
  ["49 49 2a 00 08 00", "TIFF", true],
  ["00 00 00 1c 66 74 79 70 61 76 69 66", "AVIF", true],
  ["00 00 00 18 66 74 79 70 68 65 69 63", "HEIC", true],
  ["00 00 00 18 66 74 79 70 6d 70 34 32", "a video", false],
  ["25 50 44 46 2d", "a PDF", false],
  ["50 4b 03 04", "a zip archive", false],
  ["ef bb bf 20 3c 21 44 4f 43 54 59 50 45 20 68 74 6d 6c", "a web page", false],
  ["3c 73 76 67 20", "a drawing (SVG or XML)", false],
  ["68 65 6c 6c 6f", "text", false],
  ["7f 45 4c 46 02 01 01 00", "something else", false],
])("%s is %s", (hex, words, photo) => {
  expect(describeBytes(Uint8Array.from(hex.split(" "), (byte) => Number.parseInt(byte, 16)))).toMatchObject({
    words,
    photo,
  });
});

describe("what is a photo", () => {
  // The browser reads BMP, which the server leaves away; both read all else that the other reads.
  const [inBrowser, onServer] = [
    (bytes: Uint8Array) => describeBytes(bytes).photo,
    (bytes: Uint8Array) => sniff(bytes).kind === "photo",
  ];
  const STARTS = [
    "\xff\xd8\xff",
    "\x89PNG\r\n\x1a\n",
    "GIF87a",
    "GIF89a",
    "GIF88a",
    "RIFF\0\0\0\0WEBP",
    "RIFF\0\0\0\0WAVE",
    "II*\0",
    "MM\0*",
    "II+\0",
    "MM\0+",
    "II-\0",
    ...[
      "avif",
      "avis",
      "heic",
      "heix",
      "hevc",
      "hevx",
      "heim",
      "heis",
      "mif1",
      "mif2",
      "msf1",
      "mp42",
      "isom",
      "qt  ",
    ].map((brand) => `\0\0\0\x18ftyp${brand}`),
    "%PDF-",
    "PK\x03\x04",
    "8BPS",
    "\xff\x0a",
    "<svg ",
    "words",
  ];

  test("is the same for the browser and for the server", () => {
    fc.assert(
      fc.property(fc.constantFrom(...STARTS), fc.uint8Array({ maxLength: 52 }), (start, rest) => {
        const bytes = Uint8Array.from([...start].map((char) => char.charCodeAt(0)).concat(...rest));
        expect(inBrowser(bytes), start).toBe(onServer(bytes));
      }),
    );
  });
});

test("any bytes have a name", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => describeBytes(bytes).words !== ""));
});

describe("the table", () => {
  const photo = (name: string, change: Partial<PagePhoto> = {}): PagePhoto => ({
    id: 0,
    file: new Blob(),
    name,
    url: "",
    isExample: false,
    status: "done",
    ...change,
  });
  const answer = (confidence: number) => ({
    engine: "wasm" as const,
    milliseconds: 12.6,
    sentTo: null,
    confidences: [
      { label: "Golf", confidence },
      { label: "A,B", confidence: 1 - confidence },
    ],
  });

  test("a row per photo, a column per label, sure by the threshold, errors where there is no answer", () => {
    const text = csv(
      [
        photo("a.jpg", { answer: answer(0.75) }),
        photo("b.jpg", { answer: answer(0.4), correction: "Rugby" }),
        photo("c", { status: "failed", error: 'no, "really"' }),
      ],
      0.5,
    );
    expect(text).toBe(
      [
        '\ufefffile,label,confidence,sure,correction,answered by,sent to,milliseconds,error,"p(A,B)",p(Golf)',
        "a.jpg,Golf,0.750000,yes,,wasm,,13,,0.250000,0.750000",
        "b.jpg,Golf,0.400000,no,Rugby,wasm,,13,,0.600000,0.400000",
        'c,,,,,,,,"no, ""really""",,',
        "",
      ].join("\r\n"),
    );
  });

  test("no file name becomes a formula or another cell", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (name) => {
        const [, row] = csv([photo(name)], 0.5).split(/\r\n(?=(?:[^"]*"[^"]*")*[^"]*$)/);
        const [, quoted, plain] = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*)),/.exec(row!)!;
        const cell = quoted?.replaceAll('""', '"') ?? plain!;
        expect(cell.replace(/^'(?=[=+\-@\t\r])/, "")).toBe(name);
        expect(cell).not.toMatch(/^[=+\-@\t\r]/);
      }),
    );
  });
});

test("words for time, hosts and places", () => {
  expect([duration(181.4), duration(5230)]).toEqual(["181\u00a0ms", "5.2\u00a0s"]);
  expect(hostWords("http://127.0.0.1:7860/")).toBe("127.0.0.1:7860 (a server on this computer)");
  expect(hostWords("http://[::1]:7860/")).toContain("on this computer");
  expect(hostWords("https://localhost.example.org/x")).toBe("localhost.example.org");
  expect([placeWords(0.1, 0.1), placeWords(0.5, 0.5), placeWords(0.9, 0.5), placeWords(0.5, 1)]).toEqual([
    "the upper left",
    "the centre",
    "the right",
    "the lower part",
  ]);
});

test("snippets ask at the address they are given, by what is there", () => {
  for (const isOurs of [true, false])
    for (const { code } of apiSnippets("https://a.example/app/", isOurs))
      expect(code).toContain("https://a.example/app/");
  const curl = (isOurs: boolean) => apiSnippets("https://a.example/", isOurs)[0]!.code;
  expect(curl(true)).toContain("https://a.example/v1/predict");
  // A Gradio app has nothing of ours.
  expect(curl(false)).not.toContain("/v1/");
  expect(curl(false)).toContain("https://a.example/gradio_api/upload");
});

describe("photos on the page", () => {
  const brought = (name: string) => [{ file: new Blob([name]), name }];

  test("whose answer nobody wants any more are left, by the server and by the browser", () => {
    const asked: Leaving[] = [];
    const answerer = {
      answer: (_: Blob, __: string, leaving: Leaving) => {
        asked.push(leaving);
        return new Promise(() => {});
      },
    } as unknown as Answerer;
    const photos = new Photos(answerer);
    const left = () => asked.map(({ here, gone }) => [here.aborted, gone.aborted]);
    photos.add(brought("example"), true);
    photos.add(brought("a"));
    photos.add(brought("b"));
    // The example gave way.
    expect(left()).toEqual([
      [true, true],
      [false, false],
      [false, false],
    ]);
    photos.answerHere(1);
    photos.remove(2);
    expect(left().slice(1)).toEqual([
      [true, false],
      [true, true],
    ]);
    photos.clear();
    expect(left().flat()).not.toContain(false);
  });

  test("are spoken of by name, the shown one's answer and when all are done", () => {
    const photo = (id: number, confidence?: number): PagePhoto => ({
      id,
      file: new Blob(),
      name: `${id}.jpg`,
      url: "",
      isExample: false,
      status: confidence === undefined ? "working" : "done",
      ...(confidence !== undefined && {
        answer: { confidences: [{ label: "Golf", confidence }], engine: "wasm", milliseconds: 1, sentTo: null },
      }),
    });
    const map = { width: 2, height: 1, values: Float32Array.of(0, 1), area: { left: 0, top: 0, width: 1, height: 1 } };
    expect(spoken({ photos: [photo(1)], shown: 1 }, undefined, 0.5)).toBe("");
    expect(spoken({ photos: [photo(1, 0.91)], shown: 1 }, undefined, 0.5)).toBe("1.jpg: Golf, 91.0\u00a0%.");
    expect(spoken({ photos: [photo(1, 0.4), photo(2)], shown: 1 }, map, 0.5)).toBe(
      "1.jpg: not sure, perhaps Golf. It rests most on the right.",
    );
    expect(spoken({ photos: [photo(1, 0.6), photo(2, 0.9)], shown: 2 }, undefined, 0.5)).toBe(
      "2.jpg: Golf, 90.0\u00a0%. 2 photos are done.",
    );
  });
});

test("a store tells its followers, until they are off", () => {
  const store = new Store({ a: 1, b: 2 });
  const seen: number[] = [];
  const off = store.follow(() => seen.push(store.value.a));
  store.set({ a: 5 });
  off();
  store.set({ a: 6 });
  expect([seen, store.value]).toEqual([[5], { a: 6, b: 2 }]);
});

test("whoever installs the package gets pages that are built, and nothing of what they were built with", () => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(Object.keys(manifest.dependencies ?? {})).toEqual([]);
});
