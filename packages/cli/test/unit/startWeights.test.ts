// Which weights a training starts from, and what is said where there are none, the wrong ones, or dangerous ones.

import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inflateRawSync } from "node:zlib";
import { readWeights, writeSafetensors } from "@ballsight/vision";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { findWeights, isOffline, weightsUrl } from "../../src/weights/places.ts";
import { loadWeights } from "../../src/weights/startWeights.ts";
import { type FileServer, fileServer } from "../helpers/fileServer.ts";

const FIXTURE = new URL("../../../vision/test/fixtures/torch_files.json", import.meta.url);
const SHARED = fileURLToPath(new URL("../../../../../shared/weights", import.meta.url));
const MOBILENET = "mobilenet_v2-b0353104.pth";

let home: string;
let server: FileServer;
const at = (name: string) => join(home, name);

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "ballsight-start-"));
  const fixture = JSON.parse(readFileSync(FIXTURE, "utf8").replaceAll("Infinity", "0"));
  const file = (kind: string, name: string) => inflateRawSync(Buffer.from(fixture[kind][name].file, "base64"));
  await writeFile(at("mine.pth"), file("torchvision", "zip"));
  await writeFile(at("old.pt"), file("torchvision", "legacy"));
  await writeFile(at("cut.pth"), file("torchvision", "zip"));
  await truncate(at("cut.pth"), 1_000_000);
  await writeFile(at("evil.pth"), file("malicious", "zip"));
  await writeFile(at("evil_legacy.pth"), file("malicious", "legacy"));
  await writeFile(at("evil_bare.pth"), file("malicious", "bare"));
  await writeFile(at("toy.pth"), file("good", "module.zip"));
  await writeFile(at("page.pth"), "<html>404</html>");
  await mkdir(at("folder.pth"));
  await mkdir(at("weights"));
  server = await fileServer(new Uint8Array(1000));
});
afterAll(async () => {
  await server.close();
  await rm(home, { recursive: true, force: true });
});
beforeEach(() => {
  vi.stubEnv("BALLSIGHT_WEIGHTS", at("weights"));
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  vi.stubEnv("BALLSIGHT_WEIGHTS_URL", server.url);
  vi.stubEnv("BALLSIGHT_OFFLINE", "");
  server.requests.length = 0;
});
afterEach(() => vi.unstubAllEnvs());

describe("a file of one's own", () => {
  test.each(["mine.pth", "old.pt"])("of PyTorch, either form: the body's tensors of it (%s)", async (name) => {
    const start = await loadWeights("mobilenet_v2.tv_in1k", at(name));
    expect(start).toMatchObject({ name, license: "unknown", settled: at(name), entry: { padding: "symmetric" } });
    // All of torchvision's state but 52 counters of batches and the classifier's two.
    expect(start.state.size).toBe(314 - 52 - 2);
    expect(start.state.get("features.0.0.weight")?.dims).toEqual([32, 3, 3, 3]);
  });

  test("under the registry's name is taken as that entry is, but has its licence only where it has its content", async () => {
    await writeFile(at(MOBILENET), readFileSync(at("mine.pth")));
    const namesake = await loadWeights("mobilenet_v2", at(MOBILENET));
    expect(namesake).toMatchObject({ name: MOBILENET, license: "unknown", settled: at(MOBILENET) });
    expect(namesake.entry.mean[0]).toBe(0.485);

    const shipped = fileURLToPath(new URL("../../../../models/mobilenet_v2.sports_balls.safetensors", import.meta.url));
    const published = await loadWeights("mobilenet_v2", shipped);
    expect(published).toMatchObject({ name: "mobilenet_v2.sports_balls", license: "Apache-2.0", settled: shipped });
  });

  test.each([
    [{ entry: "mobilenet_v2.tv2_in1k", license: "none" }, "mobilenet_v2.tv2_in1k", "none"],
    [{ entry: "mobilenet_v2.tv2_in1k", license: "unknown" }, "mobilenet_v2.tv2_in1k", "unknown"],
    [{ entry: "mobilenet_v2.tv2_in1k" }, "mobilenet_v2.tv2_in1k", "BSD-3-Clause"],
    [{}, "mobilenet_v2.tf_in1k", "unknown"],
  ])("of a run goes on with what the run began with: %o", async (metadata, entry, license) => {
    const { tensors } = readWeights(readFileSync(at("mine.pth")), "");
    await writeFile(at("run.safetensors"), writeSafetensors(tensors, metadata));
    const later = await loadWeights("mobilenet_v2", at("run.safetensors"));
    expect(later).toMatchObject({ name: "run.safetensors", entry: { name: entry }, license });
  });

  test.each([
    ["nothing there", "none.pth", "FILE_NOT_FOUND", "none.pth"],
    ["a folder", "folder.pth", "IS_A_FOLDER", "folder.pth"],
    ["a truncated file", "cut.pth", "WEIGHTS_INVALID", "a zip archive that is damaged or cut short"],
    ["a web page", "page.pth", "WEIGHTS_INVALID", "received a web page"],
    [
      "a pickle that calls os.system",
      "evil.pth",
      "WEIGHTS_UNSAFE",
      "received posix.system; nothing of it was executed",
    ],
    ["such a one in the older form", "evil_legacy.pth", "WEIGHTS_UNSAFE", "received posix.system;"],
    ["such a one alone", "evil_bare.pth", "WEIGHTS_UNSAFE", "received posix.system;"],
    [
      "another network",
      "toy.pth",
      "WEIGHTS_SHAPE",
      "expected shape [32,3,3,3] for `features.0.0.weight` but received none (the first tensors are `0.weight`, `0.bias`, `1.weight`) from",
    ],
  ])("%s", async (_, file, code, text) => {
    await expect(loadWeights("mobilenet_v2", at(file))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(text),
    });
  });

  test("another architecture of the registry: told by a parameter", async () => {
    const running = loadWeights("resnet18", at("mine.pth"));
    await expect(running).rejects.toMatchObject({
      code: "WEIGHTS_SHAPE",
      message: expect.stringContaining("`conv1.weight`"),
    });
  });
});

describe("weights of the registry", () => {
  test("are looked for in BALLSIGHT_WEIGHTS, then in the user's cache", async () => {
    const entry = { file: "toy.safetensors" };
    const env = { BALLSIGHT_WEIGHTS: at("first"), XDG_CACHE_HOME: at("second") };
    expect(findWeights(entry, env)).toBeUndefined();
    const cached = join(at("second"), "ballsight", "weights", entry.file);
    await mkdir(join(cached, ".."), { recursive: true });
    await writeFile(cached, "");
    expect(findWeights(entry, env)).toBe(cached);
    await mkdir(at("first"));
    await writeFile(join(at("first"), entry.file), "");
    expect(findWeights(entry, env)).toBe(join(at("first"), entry.file));
    expect(findWeights(entry, { XDG_CACHE_HOME: at("second") })).toBe(cached);
  });

  test("at hand are taken before any is downloaded", async () => {
    // The shipped recogniser's weights are, wherever the program is.
    const start = await loadWeights("mobilenet_v2", "default");
    expect(start).toMatchObject({ name: "mobilenet_v2.sports_balls", settled: "mobilenet_v2.sports_balls" });
    expect(server.requests).toEqual([]);
  });

  test("Google's, where they are at hand, come first, checked by their hash", async ({ skip }) => {
    if (!existsSync(SHARED)) skip("../shared/weights is not there");
    vi.stubEnv("BALLSIGHT_WEIGHTS", SHARED);
    const start = await loadWeights("mobilenet_v2", "default");
    expect(start).toMatchObject({ name: "mobilenet_v2.tf_in1k", license: "Apache-2.0", entry: { padding: "tf-same" } });
  });

  test("at hand but not the published file", async () => {
    const path = join(at("weights"), MOBILENET);
    await writeFile(path, readFileSync(at("cut.pth")));
    const running = loadWeights("mobilenet_v2", "mobilenet_v2.tv_in1k");
    const text = `starts with b0353104 for \`${path}\``;
    await expect(running).rejects.toMatchObject({ code: "WEIGHTS_HASH", message: expect.stringContaining(text) });
    await rm(path);
  });

  test("not at hand are downloaded, torchvision's own default first, and what comes is checked", async () => {
    for (const [arch, weights, file] of [
      ["resnet34", "default", "resnet34-b627a593.pth"],
      ["resnet50", "default", "resnet50-11ad3fa6.pth"],
      ["resnet50.tv_in1k", "default", "resnet50-0676ba61.pth"],
      ["mobilenet_v2", "mobilenet_v2.tv_in1k", MOBILENET],
    ] as const) {
      const running = loadWeights(arch, weights);
      await expect(running).rejects.toMatchObject({ code: "WEIGHTS_HASH" });
      expect(server.requests.pop()?.path).toBe(`/models/${file}`);
    }
  });

  test("none at all: nothing is fetched, for any architecture", async () => {
    for (const arch of ["resnet34", "googlenet", "vgg16", "mobilenet_v3_small", "efficientnet_b0"])
      expect(await loadWeights(arch, "none")).toMatchObject({ name: "none", entry: { architecture: arch } });
    expect(server.requests).toEqual([]);
  });

  test.each([
    ["--offline", { offline: true }, ""],
    ["BALLSIGHT_OFFLINE", {}, "1"],
  ])("with %s: one line with the address and the place, and no request", async (_, options, offline) => {
    vi.stubEnv("BALLSIGHT_OFFLINE", offline);
    vi.stubEnv("BALLSIGHT_WEIGHTS_URL", "");
    const path = join(at("weights"), "resnet34-b627a593.pth");
    await expect(loadWeights("resnet34", "default", options)).rejects.toMatchObject({
      code: "WEIGHTS_MISSING",
      message: `expected the weights of \`resnet34.tv_in1k\` at ${path} but nothing is there; get the file from https://download.pytorch.org/models/resnet34-b627a593.pth`,
    });
  });

  test("without an address: who has them is named", async () => {
    await expect(loadWeights("mobilenet_v2", "mobilenet_v2.tf_in1k")).rejects.toMatchObject({
      code: "WEIGHTS_MISSING",
      message: expect.stringContaining("get the file from its publisher, name another file with --weights"),
    });
  });

  test("nowhere to keep a download: random weights will do where they are allowed", async () => {
    await writeFile(at("a-file"), "");
    vi.stubEnv("BALLSIGHT_WEIGHTS", at("a-file/weights"));
    await expect(loadWeights("resnet34", "default")).rejects.toMatchObject({ code: "WEIGHTS_NOT_WRITABLE" });
    const start = await loadWeights("resnet34", "default", { randomIfMissing: true });
    expect(start.name).toBe("none");
  });

  test("of another architecture than --arch, or of none", async () => {
    await expect(loadWeights("resnet34", "mobilenet_v2.tv_in1k")).rejects.toMatchObject({
      code: "BAD_OPTION",
      message: expect.stringContaining("for resnet34 there are resnet34.tv_in1k"),
    });
    await expect(loadWeights("resnet34", "resnet34.tv")).rejects.toMatchObject({
      code: "BAD_OPTION",
      message: expect.stringContaining("did you mean"),
    });
    await expect(loadWeights("resnet43", "none")).rejects.toMatchObject({ code: "UNKNOWN_ARCHITECTURE" });
  });
});

test("the mirror, and the switch", () => {
  const entry = { file: "a.pth", url: "https://download.pytorch.org/models/a.pth" };
  expect(weightsUrl(entry, {})).toBe(entry.url);
  expect(weightsUrl(entry, { BALLSIGHT_WEIGHTS_URL: "https://mirror.example/w" })).toBe(
    "https://mirror.example/w/a.pth",
  );
  expect(weightsUrl({ file: "b" }, { BALLSIGHT_WEIGHTS_URL: "https://mirror.example" })).toBeUndefined();
  for (const BALLSIGHT_WEIGHTS_URL of ["file:///etc", "mirror", "http:"])
    expect(() => weightsUrl(entry, { BALLSIGHT_WEIGHTS_URL })).toThrow("an http or https address");
  expect([{}, { BALLSIGHT_OFFLINE: "0" }, { BALLSIGHT_OFFLINE: "" }].map((env) => isOffline(undefined, env))).toEqual(
    new Array(3).fill(false),
  );
  expect([isOffline(true, {}), isOffline(undefined, { BALLSIGHT_OFFLINE: "1" })]).toEqual([true, true]);
});
