// All files of a site: the built recogniser page with another configuration and policy, its model and examples, and the pages around it.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "@ballsight/vision";
import { pageFolder, SITE_DEFAULTS, type SiteConfig } from "@ballsight/web";
import { loadRecognizer } from "../model/load.ts";
import { cardBody } from "./card.ts";
import { ownExamples, shippedExamples } from "./examples.ts";
import { modelFacts } from "./facts.ts";
import { type Filling, listFiles } from "./folder.ts";
import { homeBody } from "./home.ts";
import { LINKS, renderSitePage } from "./layout.ts";
import { WORKFLOW, WORKFLOW_FILE } from "./workflow.ts";

export interface SiteOptions {
  readonly title: string;
  /** Path of the model file. */
  readonly model: string;
  /** Gradio API that photos go to first; undefined: the browser answers. */
  readonly api: URL | undefined;
  readonly corrections: URL | undefined;
  /** Folder of pictures; undefined: those that ship. */
  readonly examples: string | undefined;
  readonly threshold: number | undefined;
  /** Whether to write the workflow for GitHub Pages. */
  readonly workflow: boolean;
}

export interface WrittenSite {
  readonly labels: readonly string[];
  readonly examples: number;
}

const MODEL_FILE = "model.onnx";

/** What the site brings its own of, and what the page is not offline for. */
const REPLACED = /^(index\.html|ballsight\.json|files\.json|examples\/.*)$/;
const NOT_OFFLINE = /^(sw\.js|model\.onnx|\..*|.*(asyncify|webgpu).*)$/;

/** @throws PAGE_NOT_BUILT, MODEL_NOT_FOUND, MODEL_INVALID, MODEL_INCOMPATIBLE, and what `ownExamples` throws */
export async function writeSite(filling: Filling, options: SiteOptions): Promise<WrittenSite> {
  const folder = pageFolder("recognizer");
  const built = await readFile(join(folder, "index.html"), "utf8").catch((cause: unknown) =>
    fail("PAGE_NOT_BUILT", { name: folder }, { cause }),
  );
  // Opened by ONNX Runtime here, so that no visitor is the first to find out that it is none.
  const { labels, metadata } = await describeModel(options.model);
  const bytes = await readFile(options.model);
  const sha256 = createHash("sha256").update(bytes).digest("hex");

  for (const name of await listFiles(folder)) if (!REPLACED.test(name)) await filling.copy(name, join(folder, name));
  await filling.write(MODEL_FILE, bytes);
  const examples =
    options.examples === undefined
      ? await shippedExamples(filling, folder, labels)
      : await ownExamples(filling, options.examples, labels);
  const model = { url: `${MODEL_FILE}?v=${sha256.slice(0, 12)}`, name: options.title, bytes: bytes.length };
  const config: SiteConfig = {
    ...SITE_DEFAULTS,
    title: options.title,
    labels,
    model,
    api: options.api?.href ?? null,
    corrections: options.corrections?.href ?? null,
    examples,
    threshold: options.threshold ?? SITE_DEFAULTS.threshold,
    links: LINKS.filter(({ href }) => href !== "recognizer.html"),
  };
  await filling.write("ballsight.json", `${JSON.stringify(config, null, 2)}\n`);
  await filling.write("recognizer.html", recognizerPage(built, options));

  const stylesheet =
    /href="(?:\.\/)?(assets\/[^"]+\.css)"/.exec(built)?.[1] ?? fail("PAGE_NOT_BUILT", { name: folder });
  const facts = modelFacts(metadata);
  const { title } = options;
  const page = (
    here: string,
    description: string,
    content: Pick<Parameters<typeof renderSitePage>[0], "body" | "kind">,
  ) => filling.write(here, renderSitePage({ title, description, stylesheet, here, ...content }));
  const host = options.api?.host;
  await page("index.html", `Says what a photo shows: ${labels.slice(0, 20).join(", ")}.`, {
    body: homeBody({ title, labels, facts, examples, bytes: bytes.length, host, threshold: config.threshold }),
  });
  await page("card.html", "What the model was made from, and how well it does.", {
    kind: "Model card",
    body: cardBody({ labels, facts, sha256, bytes: bytes.length, file: model.url }),
  });
  // Jekyll, where Pages still uses it, leaves out what begins with an underscore.
  await filling.write(".nojekyll", "");
  if (options.workflow) await filling.write(WORKFLOW_FILE, WORKFLOW);
  const files = filling.names().filter((name) => !NOT_OFFLINE.test(name));
  await filling.write("files.json", `${JSON.stringify({ files }, null, 2)}\n`);
  return { labels, examples: examples.length };
}

/** @throws MODEL_NOT_FOUND, MODEL_INVALID, MODEL_INCOMPATIBLE */
export async function describeModel(path: string) {
  const recognizer = await loadRecognizer(path);
  const { labels, metadata } = recognizer;
  await recognizer.release();
  return { labels, metadata };
}

/** The page as it was built, allowed to call the API's host and nobody else. */
function recognizerPage(built: string, { api, corrections, title }: SiteOptions): string {
  const hosts = [...new Set([api, corrections].flatMap((url) => (url === undefined ? [] : url.origin)))];
  const page = built
    .replace("connect-src 'self'", ["connect-src 'self'", ...hosts].join(" "))
    .replace(/<title>.*?<\/title>/, () => `<title>${escaped(title)}</title>`);
  return page;
}

const escaped = (text: string) => text.replace(/[&<>]/g, (char) => `&#${char.charCodeAt(0)};`);
