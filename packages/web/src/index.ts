// The door for Node: where the built pages lie on disk.
import { fileURLToPath } from "node:url";

/** Folder of a built page: `index.html` and its assets, all addressed relative to it. */
export function pageFolder(page: "recognizer" | "review"): string {
  return fileURLToPath(new URL(`./pages/${page}`, import.meta.url));
}
