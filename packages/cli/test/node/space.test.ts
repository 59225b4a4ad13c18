// `ballsight space`: what the Hub reads, what the container runs, and that the copied program answers.

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type SpaceFlags, space } from "../../src/commands/space.ts";
import { listFiles } from "../../src/site/folder.ts";

const REPOSITORY = fileURLToPath(new URL("../../../..", import.meta.url));

let root: string;
let out: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "ballsight-space-"));
  out = join(root, "space");
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(root, { recursive: true });
});

const write = (flags: SpaceFlags = {}) => space({ out, ...flags });
const read = (name: string) => readFile(join(out, name), "utf8");

/** The front matter's entries; values as they stand. */
async function frontMatter(): Promise<Record<string, string>> {
  const [, matter] = /^---\n(.*?)\n---\n/s.exec(await read("README.md"))!;
  return Object.fromEntries(matter!.split("\n").map((line) => /^(\w+): (.*)$/.exec(line)!.slice(1, 3)));
}

test("the container: an official Node image, user 1000, port 7860", async () => {
  expect(await write({ title: 'What "ball": is it?' })).toBe(0);
  expect(await frontMatter()).toMatchObject({
    title: '"What \\"ball\\": is it?"',
    sdk: "docker",
    app_port: "7860",
    license: "apache-2.0",
  });
  const dockerfile = await read("Dockerfile");
  expect(dockerfile.match(/^FROM .*/gm)).toEqual(["FROM node:22-slim AS install", "FROM node:22-slim"]);
  expect(dockerfile).toMatch(/^USER 1000$/m);
  // What the repository's own Dockerfile says that a server needs.
  const shipped = await readFile(join(REPOSITORY, "deploy/Dockerfile"), "utf8");
  for (const line of shipped.match(/^ENV (?!NODE_ENV).*/gm)!) expect(dockerfile.split("\n")).toContain(line);
  expect(dockerfile).toMatch(/^EXPOSE 7860$/m);
  const command = JSON.parse(/^CMD (.*)$/m.exec(dockerfile)![1]!) as string[];
  expect(command).toEqual(expect.arrayContaining(["serve", "0.0.0.0", "7860", "model.onnx"]));
  const files = await listFiles(out);
  for (const file of ["package.json", "model.onnx", command[1]!]) expect(files).toContain(file);
  // Everything above 10 MB is for Git LFS, else the Hub refuses it.
  expect(await read(".gitattributes")).toMatch(/^\*\.wasm filter=lfs.*\n\*\.onnx|^\*\.onnx filter=lfs.*\n\*\.wasm/);
  expect(JSON.parse(await read("packages/web/dist/pages/recognizer/ballsight.json")).title).toBe('What "ball": is it?');
  // Nothing of this machine, and nothing that only developers need.
  expect(files.filter((file) => /\.d\.ts$|\.map$|^packages\/\w+\/(src|test)\//.test(file))).toEqual([]);
  for (const file of files.filter((file) => file.endsWith("package.json")))
    expect(await read(file)).not.toMatch(/devDependencies|prepare|workspace:|file:/);
});

test("the copied program answers, without the repository's packages", async () => {
  await write();
  // What `npm install` makes of its package.json: others' packages, and links to its own.
  const modules = join(out, "node_modules");
  await mkdir(join(modules, "@ballsight"), { recursive: true });
  for (const name of await readdir(join(REPOSITORY, "node_modules")))
    if (!/^(@ballsight|ballsight|\..*)$/.test(name))
      await symlink(join(REPOSITORY, "node_modules", name), join(modules, name));
  for (const name of ["grad", "vision", "server", "web"])
    await symlink(join(out, "packages", name), join(modules, "@ballsight", name));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      "packages/cli/bin/ballsight.js",
      "predict",
      join(REPOSITORY, "docs/examples/Golf.jpg"),
      "--model",
      "model.onnx",
      "--json",
    ],
    { cwd: out },
  );
  expect(JSON.parse(stdout)).toMatchObject({ label: "Golf" });
});

test("the static one is the site, with front matter and without a workflow", async () => {
  await write({ static: true, title: "Balls" });
  expect(await frontMatter()).toMatchObject({ sdk: "static", app_file: "recognizer.html" });
  const files = await listFiles(out);
  expect(files).toEqual(expect.arrayContaining(["index.html", "recognizer.html", "card.html", "model.onnx"]));
  expect(files.filter((file) => file.startsWith(".github"))).toEqual([]);
});

test("one kind takes the other's place; options of the static one are refused with a container", async () => {
  await write({ static: true });
  await write();
  expect(await readdir(out)).not.toContain("recognizer.html");
  await expect(write({ api: "https://example.org" })).rejects.toMatchObject({ code: "BAD_OPTION" });
});
