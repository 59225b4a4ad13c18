// What stands beside the built page: the example pictures, a default ballsight.json for servers, and the list of files that work offline.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import type { Plugin } from "vite";
import { DEFAULTS, type SiteConfig } from "../../src/recognizer/siteConfig.ts";

const EXAMPLES = join(import.meta.dirname, "../../../../docs/examples");

/** What the page fetches on request alone, and what lists the others. */
const NOT_OFFLINE = /^(sw\.js|files\.json|.*(asyncify|webgpu).*)$/;

export function files(): Plugin {
  return {
    name: "ballsight-files",
    generateBundle() {
      const pictures = readdirSync(EXAMPLES).filter((name) => name.endsWith(".jpg"));
      const examples = pictures
        .sort()
        .map((name) => ({ file: `examples/${name}`, label: name.slice(0, -".jpg".length) }));
      // As `ballsight serve` has it: the API and the model beside the page, which the server tells more about.
      const config: SiteConfig = {
        ...DEFAULTS,
        labels: examples.map(({ label }) => label),
        model: { url: "model.onnx", name: "model", bytes: 0 },
        models: "v1/models",
        links: [{ text: "API", href: "docs" }],
        examples,
      };
      this.emitFile({ type: "asset", fileName: "ballsight.json", source: `${JSON.stringify(config, null, 2)}\n` });
      for (const name of pictures)
        this.emitFile({ type: "asset", fileName: `examples/${name}`, source: readFileSync(join(EXAMPLES, name)) });
    },
    writeBundle({ dir = "" }) {
      const names = readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) =>
          join(entry.parentPath, entry.name)
            .slice(dir.length + 1)
            .split(sep)
            .join("/"),
        )
        .filter((name) => !NOT_OFFLINE.test(name));
      writeFileSync(join(dir, "files.json"), `${JSON.stringify({ files: names.sort() }, null, 2)}\n`);
    },
  };
}
