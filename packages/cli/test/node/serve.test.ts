// `ballsight serve` as a program: the same answers as `ballsight predict` over every protocol, and what signals do to it.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { render } from "../../../render/src/index.ts";
import { toyModel } from "../../../vision/test/helpers/toyModel.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/ballsight.js", import.meta.url));
const PHOTOS = fileURLToPath(new URL("../../../../../shared/data/balls", import.meta.url));
const BALLS = ["Baseball", "Basketball", "Billiards", "Football", "Tennis"] as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-serve-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Served {
  readonly url: string;
  readonly child: ChildProcess;
  stderr: string;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

async function serve(...args: string[]): Promise<Served> {
  const child = spawn(process.execPath, [PROGRAM, "serve", "--port", "0", "--json", ...args]);
  const ended = once(child, "exit").then(([code]) => code as number | null);
  const served: Served = { url: "", child, stderr: "", ended };
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    served.stderr += text;
  });
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([once(lines, "line").then(([line]) => String(line)), ended.then(() => "")]);
  return first === "" ? served : Object.assign(served, { url: (JSON.parse(first) as { url: string }).url });
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1200; i++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("it did not come true within a minute");
}

type Scores = Readonly<Record<string, number>>;
interface Answer {
  readonly label: string;
  readonly confidence: number;
}
const scores = (answers: readonly Answer[]): Scores =>
  Object.fromEntries(answers.map(({ label, confidence }) => [label, confidence]));

/** How each protocol is asked about a photo. */
const PROTOCOLS: Readonly<Record<string, (url: string, photo: Buffer) => Promise<Scores>>> = {
  REST: async (url, photo) => {
    const body = (await ask(`${url}/v1/predict?top=100`, new Uint8Array(photo))) as { top: Answer[] };
    return scores(body.top);
  },
  Gradio: async (url, photo) => {
    const data = [`data:image/jpeg;base64,${photo.toString("base64")}`];
    const body = (await ask(`${url}/run/predict`, JSON.stringify({ data }))) as { data: { confidences: Answer[] }[] };
    return scores(body.data[0]?.confidences ?? []);
  },
  "Open Inference Protocol": async (url, photo) => {
    const inputs = [{ name: "photo", shape: [1], datatype: "BYTES", data: [photo.toString("base64")] }];
    const outputs = [{ name: "probabilities", parameters: { classification: 100 } }];
    const body = (await ask(`${url}/v2/models/sports-balls/infer`, JSON.stringify({ inputs, outputs }))) as {
      outputs: { data: string[] }[];
    };
    const rows = (body.outputs[0]?.data ?? []).map((text) => text.split(":") as [string, string, string]);
    return Object.fromEntries(rows.map(([confidence, , label]) => [label, Number(confidence)]));
  },
};

async function ask(url: string, body: string | Uint8Array<ArrayBuffer>): Promise<unknown> {
  const response = await fetch(url, { method: "POST", body });
  expect(response.status).toBe(200);
  return response.json();
}

async function predicted(files: readonly string[]): Promise<Scores[]> {
  const child = spawn(process.execPath, [PROGRAM, "predict", "--json", "--top", "100", ...files]);
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  expect(await once(child, "close")).toEqual([0, null]);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => scores((JSON.parse(line) as { top: Answer[] }).top));
}

const best = (answer: Scores) => Object.entries(answer).sort(([, a], [, b]) => b - a)[0]?.[0];

async function compare(files: readonly string[]): Promise<void> {
  const wanted = await predicted(files);
  const server = await serve();
  try {
    for (const [protocol, of] of Object.entries(PROTOCOLS)) {
      for (const [i, file] of files.entries()) {
        const answer = await of(server.url, await readFile(file));
        const expected = wanted[i] as Scores;
        expect(best(answer), `${protocol}: ${file}`).toBe(best(expected));
        expect(Object.keys(answer).sort()).toEqual(Object.keys(expected).sort());
        const off = Math.max(
          ...Object.entries(expected).map(([label, score]) => Math.abs(score - (answer[label] ?? 9))),
        );
        expect(off, `${protocol}: ${file}`).toBeLessThan(1e-3);
      }
    }
  } finally {
    server.child.kill();
    await server.ended;
  }
}

describe("the same answers as `ballsight predict`", () => {
  test("for 50 photos that were drawn, in four kinds of files", async () => {
    const files = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const [width, height] = [72 + 8 * (i % 5), 64 + 8 * (i % 7)];
        const { data } = render({ ball: BALLS[i % BALLS.length]!, width, height, seed: i });
        const drawn = sharp(data, { raw: { width, height, channels: 3 } });
        const kinds = [
          drawn.jpeg({ quality: 90 }),
          drawn.png(),
          drawn.webp({ quality: 80 }),
          drawn.jpeg().withMetadata({ orientation: 6 }),
        ];
        const file = join(folder, `${i}.jpg`);
        await writeFile(file, await kinds[i % kinds.length]!.toBuffer());
        return file;
      }),
    );
    await compare(files);
  }, 600_000);

  test.skipIf(!existsSync(PHOTOS))(
    "for 200 photos of ../shared (skipped where there are none)",
    async () => {
      const classes = (await readdir(PHOTOS, { withFileTypes: true })).filter(
        (entry) => entry.isDirectory() && !entry.name.startsWith("."),
      );
      const lists = await Promise.all(
        classes.map(async ({ name }) =>
          (await readdir(join(PHOTOS, name)))
            .sort()
            .slice(0, 20)
            .map((file) => join(PHOTOS, name, file)),
        ),
      );
      await compare(lists.flat().slice(0, 200));
    },
    900_000,
  );
});

describe("the program", () => {
  const models: Record<string, Uint8Array> = {
    first: toyModel(),
    second: toyModel({ metadata: { "ballsight.labels": '["Sky","Grass","Rose"]' } }),
  };
  const red = () =>
    sharp({ create: { width: 40, height: 30, channels: 3, background: "#d01020" } })
      .png()
      .toBuffer()
      .then((bytes) => new Uint8Array(bytes));

  /** Photos asked about without a pause until `stop`; every answer's status and label. */
  function load(url: string, photo: Uint8Array<ArrayBuffer>) {
    const answers: { status: number; label: string | undefined }[] = [];
    let stopped = false;
    const refused: unknown[] = [];
    const clients = Array.from({ length: 4 }, async () => {
      while (!stopped) {
        const response = await fetch(`${url}/v1/predict`, { method: "POST", body: photo.slice() }).catch(
          (error: { cause?: { code?: unknown } }) => error.cause?.code ?? error,
        );
        if (!(response instanceof Response)) {
          refused.push(response);
          return;
        }
        answers.push({ status: response.status, label: ((await response.json()) as { label?: string }).label });
      }
    });
    return {
      answers,
      /** How clients failed: by finding the door closed, if all is well. */
      refused,
      stop: async () => {
        stopped = true;
        await Promise.all(clients);
      },
      all: Promise.all(clients),
    };
  }

  test("loads a changed model file, by itself and on SIGHUP, under load; keeps its model where the file is none", async () => {
    const path = join(folder, "model.onnx");
    const put = async (bytes: Uint8Array) => {
      await writeFile(`${path}.new`, bytes);
      await rename(`${path}.new`, path);
    };
    await put(models.first!);
    const server = await serve("--model", path);
    try {
      const asked = load(server.url, await red());
      await until(() => asked.answers.length > 5);
      expect(asked.answers[0]?.label).toBe("Red");
      await put(models.second!);
      await until(() => asked.answers.at(-1)?.label === "Rose");
      await put(new TextEncoder().encode("no model"));
      await until(() => /MODEL_INVALID.*goes on/.test(server.stderr));
      await put(models.first!);
      if (process.platform !== "win32") server.child.kill("SIGHUP");
      await until(() => asked.answers.at(-1)?.label === "Red");
      await asked.stop();
      expect(new Set(asked.answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect(asked.refused).toEqual([]);
    } finally {
      server.child.kill();
      await server.ended;
    }
  });

  test.skipIf(process.platform === "win32")("SIGTERM under load loses nothing and ends with 0", async () => {
    const path = join(folder, "stop.onnx");
    await writeFile(path, models.first!);
    const server = await serve("--model", path);
    const asked = load(server.url, await red());
    await until(() => asked.answers.length > 20);
    server.child.kill("SIGTERM");
    await asked.all;
    expect(await server.ended).toBe(0);
    // What came after the end had begun was told so; all else was answered.
    expect(asked.answers.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
    expect(asked.answers.filter(({ status }) => status === 200).length).toBeGreaterThan(20);
    // A request that was cut would be ECONNRESET, as is one whose connection came in the very moment of the port's end: TCP resets it, once in a while.
    expect(asked.refused.length).toBe(4);
    const others = asked.refused.filter((code) => code !== "ECONNREFUSED");
    expect([[], ["ECONNRESET"]]).toContainEqual(others);
  });

  test.skipIf(process.platform === "win32")("SIGTERM and SIGHUP while the model loads", async () => {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, "close");
    const child = spawn(process.execPath, [PROGRAM, "serve", "--port", String(port)]);
    const ended = once(child, "exit");
    await until(() =>
      fetch(`http://127.0.0.1:${port}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    child.kill("SIGHUP");
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  });

  test("wrong options, models and ports end with 2 and one line", async () => {
    const none = join(folder, "none.onnx");
    await mkdir(join(folder, "sub"), { recursive: true });
    await copyFile(PROGRAM, none);
    const first = await serve();
    const { port } = new URL(first.url);
    const cases: [string[], RegExp][] = [
      [["--model", none], /MODEL_INVALID/],
      [["--model", join(folder, "nowhere.onnx")], /MODEL_NOT_FOUND/],
      [["--model", join(folder, "sub")], /a folder/],
      [["--port", port], /another program has it/],
      [["--port", "70000"], /--port/],
      [["--workers", "0"], /--workers/],
      [["--max-bytes", "lots"], /--max-bytes/],
      [["--origin", "example.org/page"], /--origin/],
    ];
    for (const [args, message] of cases) {
      const { ended, ...served } = await serve(...args).then(async (one) => ({
        ...one,
        code: await one.ended,
        text: one.stderr,
      }));
      void ended;
      expect(served.code, args.join(" ")).toBe(2);
      expect(served.text).toMatch(message);
      expect(served.text.trimEnd().split("\n")).toHaveLength(1);
    }
    first.child.kill();
    expect(await first.ended).toBe(0);
  });
});
