// `ballsight site`: a web site of files alone that recognises photos, for GitHub Pages or any other host.

import { fail } from "@ballsight/vision";
import { defaultModelPath } from "../model/load.ts";
import { warn } from "../output/warn.ts";
import { writeFolder } from "../site/folder.ts";
import { type SiteOptions, type WrittenSite, writeSite } from "../site/writeSite.ts";

export interface SiteFlags {
  readonly out?: string;
  readonly model?: string;
  readonly api?: string;
  readonly title?: string;
  readonly examples?: string;
  readonly threshold?: string;
  readonly corrections?: string;
  readonly json?: true;
}

/** Returns the exit code 0, or throws (exit code 2). */
export async function site(flags: SiteFlags): Promise<number> {
  const { out } = flags;
  if (out === undefined) return fail("BAD_OPTION", { option: "--out", expected: "a folder", received: "nothing" });
  const options = siteOptions(flags);
  let written: WrittenSite | undefined;
  const files = await writeFolder(out, async (filling) => {
    written = await writeSite(filling, options);
  });
  const { labels, examples } = written as WrittenSite;
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ out, files: files.length, labels, examples })}\n`);
    return 0;
  }
  process.stdout.write(`${out}: ${files.length} files, ${labels.length} labels, ${examples} examples
Look at it:  npx http-server ${out}      (any server of files; index.html opened as a file is not enough)
Publish it:  push ${out} as a GitHub repository with Settings > Pages > Source: GitHub Actions
`);
  return 0;
}

/** @throws BAD_OPTION */
export function siteOptions(flags: SiteFlags): SiteOptions {
  const api = address("--api", flags.api);
  if (api?.protocol === "http:" && !/^(localhost|127\.|\[::1\])/.test(api.hostname))
    warn(`${api.host} speaks http: pages on https may not call it`);
  return {
    title: flags.title ?? "Ballsight",
    model: flags.model ?? defaultModelPath(),
    api,
    corrections: address("--corrections", flags.corrections),
    examples: flags.examples,
    threshold: share("--threshold", flags.threshold),
    workflow: true,
  };
}

function address(option: string, value: string | undefined): URL | undefined {
  if (value === undefined) return undefined;
  const refuse = () => fail("BAD_OPTION", { option, expected: "an address with http:// or https://", received: value });
  if (!URL.canParse(value)) return refuse();
  const url = new URL(value);
  if (!/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") return refuse();
  return url;
}

function share(option: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (value.trim() !== "" && number >= 0 && number <= 1) return number;
  return fail("BAD_OPTION", { option, expected: "a number from 0 to 1", received: value });
}
