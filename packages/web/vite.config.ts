// Two pages, built apart so that each stands alone: the recogniser (served at / and written by `ballsight site`) and the review of photos.
import { defineConfig } from "vite";
import { files } from "./pages/recognizer/files.ts";

export default defineConfig(({ mode: page }) => ({
  root: `pages/${page}`,
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: page === "recognizer" ? [files()] : [],
  worker: { format: "es" },
  build: { outDir: `../../dist/pages/${page}`, emptyOutDir: true, target: "es2022", assetsInlineLimit: 0 },
}));
