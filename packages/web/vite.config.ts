// Two pages, built apart so that each stands alone: the recogniser (served at / and written by `ballsight site`) and the review of photos.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { defineConfig } from "vite";
import { files } from "./pages/recognizer/files.ts";

export default defineConfig(({ mode: page }) => ({
  root: `pages/${page}`,
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  define: page === "recognizer" ? { __RUNTIME_SIZES__: runtimeSizes() } : {},
  plugins: page === "recognizer" ? [files()] : [],
  worker: { format: "es" },
  build: {
    outDir: `../../dist/pages/${page}`,
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    ...(page === "recognizer" && { rolldownOptions: withServiceWorker }),
  },
}));

/** A service worker rules over its own folder and below: it stands beside the page, under a name that stays. */
const withServiceWorker = {
  input: {
    index: resolve(import.meta.dirname, "pages/recognizer/index.html"),
    sw: resolve(import.meta.dirname, "src/recognizer/offline/serviceWorker.ts"),
  },
  output: {
    entryFileNames: ({ name }: { readonly name: string }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
  },
};

/** What src/recognizer/device/sizes.ts says of the files that runtimes.ts names. */
function runtimeSizes() {
  const size = (file: string) => {
    const binary = readFileSync(fileURLToPath(import.meta.resolve(`onnxruntime-web/${file}`)));
    return { bytes: binary.length, packed: gzipSync(binary).length };
  };
  return {
    wasm: size("ort-wasm-simd-threaded.wasm"),
    webgpu: size("ort-wasm-simd-threaded.asyncify.wasm"),
  };
}
