// `ballsight space`: a folder to push to Hugging Face, as a server in a container or as a site of files alone.

import { fail } from "@ballsight/vision";
import { writeFolder } from "../site/folder.ts";
import { writeSpace } from "../space/writeSpace.ts";
import { type SiteFlags, siteOptions } from "./site.ts";

export interface SpaceFlags extends SiteFlags {
  readonly static?: true;
}

/** What a server's page takes from the server. */
const STATIC_ONLY = ["api", "examples", "threshold", "corrections"] as const;

/** Returns the exit code 0, or throws (exit code 2). */
export async function space(flags: SpaceFlags): Promise<number> {
  const { out } = flags;
  if (out === undefined) return fail("BAD_OPTION", { option: "--out", expected: "a folder", received: "nothing" });
  const kind = flags.static ? "static" : "docker";
  for (const name of STATIC_ONLY) {
    const value = flags[name];
    if (kind === "docker" && value !== undefined)
      fail("BAD_OPTION", { option: `--${name}`, expected: "it with --static alone", received: value });
  }
  const options = siteOptions(flags);
  const files = await writeFolder(out, (filling) => writeSpace(filling, kind, options));
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ out, kind, files: files.length })}\n`);
    return 0;
  }
  process.stdout.write(`${out}: ${files.length} files, a ${kind} Space
Publish it:  make a Space on huggingface.co (SDK: ${kind === "docker" ? "Docker" : "Static"}), then
             hf upload USER/SPACE ${out} . --repo-type space
`);
  return 0;
}
