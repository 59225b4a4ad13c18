// The libraries run in Node and in the browser alike: no file system, no DOM, no Node built-in, no image library, no runtime of their own.

import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { describe, expect, test } from "vitest";

const ROOT = new URL("../../../", import.meta.url);

/** What each library may import besides its own files. */
const ALLOWED: Record<string, RegExp> = {
  grad: /^(@bufbuild\/protobuf(\/.*)?|onnxruntime-common)$/,
  vision: /^(@ballsight\/grad|fflate|onnxruntime-common)$/,
};
const GLOBALS =
  /(?<![\w.#"'`$])(document|window|navigator|process|Buffer|require|__dirname|fetch|localStorage|XMLHttpRequest)\s*[.([]/;

function sources(folder: URL): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? sources(new URL(`${entry.name}/`, folder)).map((name) => `${entry.name}/${name}`)
      : entry.name.endsWith(".ts")
        ? [entry.name]
        : [],
  );
}

const withoutComments = (code: string) => code.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "$1");

/** The modules that a source names in import, export and import(). */
const imported = (code: string) =>
  [...code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']/g)].map((match) => match[1] as string);

describe.each(Object.keys(ALLOWED))("%s", (name) => {
  const folder = new URL(`${name}/src/`, ROOT);
  const files = sources(folder).map((file) => ({ file, code: readFileSync(new URL(file, folder), "utf8") }));

  test("has sources", () => {
    expect(files.length).toBeGreaterThan(10);
  });

  test("imports its own files and what it may", () => {
    const strange = files.flatMap(({ file, code }) =>
      imported(withoutComments(code))
        .filter((module) => !module.startsWith(".") && !ALLOWED[name]!.test(module))
        .map((module) => `${file}: ${module}`),
    );
    expect(strange).toEqual([]);
    expect(builtinModules.some((module) => ALLOWED[name]!.test(module))).toBe(false);
  });

  test("stays inside its package", () => {
    const outside = files.flatMap(({ file, code }) =>
      imported(withoutComments(code))
        .filter((module) => module.startsWith("."))
        .filter((module) => !new URL(module, new URL(file, folder)).href.startsWith(folder.href))
        .map((module) => `${file}: ${module}`),
    );
    expect(outside).toEqual([]);
  });

  test("names no global of one host", () => {
    const found = files.flatMap(({ file, code }) => {
      const match = GLOBALS.exec(withoutComments(code));
      return match === null ? [] : [`${file}: ${match[0]}`];
    });
    expect(found).toEqual([]);
  });
});

test("the scan sees what it looks for", () => {
  expect(
    imported('import { a } from "node:fs";\nawait import("sharp");\nexport * from "./x.ts";\nimport "y";'),
  ).toEqual(["node:fs", "sharp", "./x.ts", "y"]);
  expect(GLOBALS.test("x = document.body")).toBe(true);
  expect(GLOBALS.test("x.process(1)")).toBe(false);
});
