// The files that make a folder a Hugging Face Space: front matter, Dockerfile, Git LFS.

export interface SpaceText {
  readonly title: string;
  readonly labels: readonly string[];
  /** As the model file names it; Spaces know some licences by their SPDX names in small letters. */
  readonly license: string | undefined;
}

const PORT = 7860;

const KNOWN_LICENSES =
  /^(apache-2\.0|mit|bsd-2-clause|bsd-3-clause|cc0-1\.0|cc-by-4\.0|cc-by-sa-4\.0|cc-by-nc-4\.0|gpl-3\.0|agpl-3\.0)$/;

/** README.md with the front matter that Spaces are configured by (huggingface.co/docs/hub/spaces-config-reference). */
export function spaceReadme(kind: "docker" | "static", { title, labels, license }: SpaceText): string {
  const spdx = license?.toLowerCase();
  const entries: readonly (readonly [string, string | number | boolean] | undefined)[] = [
    // JSON's strings are YAML's.
    ["title", JSON.stringify(title)],
    ["emoji", "🎾"],
    ["colorFrom", "green"],
    ["colorTo", "blue"],
    ["sdk", kind],
    kind === "docker" ? ["app_port", PORT] : ["app_file", "recognizer.html"],
    ["pinned", false],
    spdx !== undefined && KNOWN_LICENSES.test(spdx) ? ["license", spdx] : undefined,
    ["short_description", JSON.stringify(`Says which of ${labels.length} things a photo shows`)],
    ["tags", "[image-classification, onnx, ballsight]"],
  ];
  const matter = entries.flatMap((entry) => (entry === undefined ? [] : `${entry[0]}: ${entry[1]}`)).join("\n");
  const answers =
    kind === "docker"
      ? "The server answers Gradio clients (`/predict`), `POST /v1/predict` and the Open Inference Protocol; the page at `/` uses it, or the browser itself."
      : "Photos are looked at in the visitor's browser and never leave it.";
  return `---
${matter}
---

# ${title.replace(/[\\`*_[\]<>#]/g, "\\$&")}

A photo in, and it says which of these it shows: ${labels.map((label) => label.replace(/[\\`*_[\]<>|]/g, "\\$&")).join(", ")}.

${answers}

Made by \`ballsight space\`. The model is \`model.onnx\`: labels, licence and accuracy are in its metadata.
`;
}

/** Of the official image; the Hub's containers run as user 1000, whom that image calls node. */
export const DOCKERFILE = `# A recogniser of photos on port ${PORT}.
FROM node:22-slim AS install
WORKDIR /app
# The CPU's libraries are in the package; without this its script downloads CUDA's.
ENV ONNXRUNTIME_NODE_INSTALL=skip
COPY package.json ./
COPY packages ./packages
RUN npm install --omit=dev --no-audit --no-fund && npm cache clean --force

FROM node:22-slim
ENV NODE_ENV=production
# glibc's arenas for each thread keep memory that photos of all sizes leave in pieces.
ENV MALLOC_ARENA_MAX=2
# Photos are decoded in these: no fewer than workers (four by default).
ENV UV_THREADPOOL_SIZE=16
WORKDIR /app
COPY --from=install --chown=1000:1000 /app ./
COPY --chown=1000:1000 model.onnx ./
USER 1000
EXPOSE ${PORT}
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["node", "-e", "fetch('http://127.0.0.1:${PORT}/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Node itself is process 1, so that SIGTERM reaches it. The Hub's proxy says who asks.
CMD ["node", "packages/cli/bin/ballsight.js", "serve", "--host", "0.0.0.0", "--port", "${PORT}", "--model", "model.onnx", "--trust-proxy", "1"]
`;

export const DOCKERIGNORE = `.git
README.md
node_modules
`;

/** The Hub refuses plain files above 10 MB. */
export const GITATTRIBUTES = `*.onnx filter=lfs diff=lfs merge=lfs -text
*.wasm filter=lfs diff=lfs merge=lfs -text
`;
