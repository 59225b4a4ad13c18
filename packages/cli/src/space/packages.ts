// The program itself, packed for a machine that has only npm: its packages as they were built, without what only developers need.

import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Filling, listFiles } from "../site/folder.ts";

/** As the imports go: each needs those before it. */
const LIBRARIES = ["grad", "vision", "server", "web"] as const;

/** Types, maps and build states; the review page, which a Space does not serve. */
const LEFT_OUT = /(\.d\.ts|\.map|\.tsbuildinfo)$|^dist\/(types|types-worker|pages\/review)\//;

interface PackageFile {
  readonly name: string;
  readonly version: string;
}

/** What the page is told about itself. */
const PAGE_CONFIG = "dist/pages/recognizer/ballsight.json";

/** Writes `packages/...`, the page with that title, and a package.json over them. */
export async function writePackages(filling: Filling, title: string): Promise<void> {
  const own = fileURLToPath(new URL("../..", import.meta.url));
  for (const library of LIBRARIES) {
    const door = fileURLToPath(import.meta.resolve(`@ballsight/${library}`));
    await copyPackage(filling, dirname(dirname(door)), library, title);
  }
  const { name, version } = await copyPackage(filling, own, "cli", title);
  const root = {
    name: `${name}-space`,
    private: true,
    type: "module",
    workspaces: ["packages/*"],
    // The first's script would download CUDA libraries, the CPU's are in the package; the other's builds what is there built.
    allowScripts: { "onnxruntime-node": false, "msgpackr-extract": false },
    dependencies: { [name]: version },
  };
  await filling.write("package.json", json(root));
}

async function copyPackage(filling: Filling, root: string, folder: string, title: string): Promise<PackageFile> {
  const whole = (await readJson(join(root, "package.json"))) as unknown as PackageFile & Record<string, unknown>;
  const { devDependencies: _, scripts: __, ...manifest } = whole;
  await filling.write(`packages/${folder}/package.json`, json(manifest));
  for (const part of ["bin", "dist"]) {
    for (const name of await listFiles(join(root, part))) {
      const file = `${part}/${name}`;
      const target = `packages/${folder}/${file}`;
      if (LEFT_OUT.test(file)) continue;
      if (file === PAGE_CONFIG) await filling.write(target, json({ ...(await readJson(join(root, file))), title }));
      else await filling.copy(target, join(root, file));
    }
  }
  return whole;
}

const readJson = async (path: string) => JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
