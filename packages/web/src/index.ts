// The door for Node: where the built pages lie on disk, and what the recogniser page is told about itself.
import { fileURLToPath } from "node:url";

export { DEFAULTS as SITE_DEFAULTS, type Example, type SiteConfig } from "./recognizer/siteConfig.ts";

/** Folder of a built page: `index.html` and its assets, all addressed relative to it. */
export function pageFolder(page: "recognizer" | "review"): string {
  return fileURLToPath(new URL(`./pages/${page}`, import.meta.url));
}
