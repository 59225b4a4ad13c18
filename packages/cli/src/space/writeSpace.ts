// All files of a Hugging Face Space: a server in a container, or a static site.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "@ballsight/vision";
import { pageFolder } from "@ballsight/web";
import { modelFacts } from "../site/facts.ts";
import type { Filling } from "../site/folder.ts";
import { describeModel, type SiteOptions, writeSite } from "../site/writeSite.ts";
import { writePackages } from "./packages.ts";
import { DOCKERFILE, DOCKERIGNORE, GITATTRIBUTES, spaceReadme } from "./texts.ts";

/** @throws as `writeSite` */
export async function writeSpace(filling: Filling, kind: "docker" | "static", options: SiteOptions): Promise<void> {
  const { labels, metadata } = await describeModel(options.model);
  const text = { title: options.title, labels, license: modelFacts(metadata).license };
  if (kind === "static") {
    await writeSite(filling, { ...options, workflow: false });
  } else {
    await readFile(join(pageFolder("recognizer"), "index.html")).catch((cause: unknown) =>
      fail("PAGE_NOT_BUILT", { name: pageFolder("recognizer") }, { cause }),
    );
    await writePackages(filling, options.title);
    await filling.copy("model.onnx", options.model);
    await filling.write("Dockerfile", DOCKERFILE);
    await filling.write(".dockerignore", DOCKERIGNORE);
  }
  await filling.write("README.md", spaceReadme(kind, text));
  await filling.write(".gitattributes", GITATTRIBUTES);
}
