// Where weights are looked for, where downloads are put, and from where they come.

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { fail, type ModelEntry } from "@ballsight/vision";
import { userCache } from "../data/cacheFolder.ts";

/** BALLSIGHT_WEIGHTS, the user's cache, and what comes with the program, in the order of search. */
function weightsFolders(env: NodeJS.ProcessEnv): string[] {
  // From dist/weights of an installed package, or of the repository.
  const shipped = ["../../models", "../../../../models"].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  return [
    ...(env.BALLSIGHT_WEIGHTS ? [resolve(env.BALLSIGHT_WEIGHTS)] : []),
    join(userCache(env), "weights"),
    ...shipped,
  ];
}

/** Where downloads are kept: the first folder of the search. */
export const downloadFolder = (env: NodeJS.ProcessEnv = process.env): string => weightsFolders(env)[0]!;

/** The first file of that name in the folders, or undefined. */
export function findWeights(
  { file }: Pick<ModelEntry, "file">,
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  return weightsFolders(env)
    .map((folder) => join(folder, file))
    .find((path) => existsSync(path));
}

/** The entry's address, at the mirror that BALLSIGHT_WEIGHTS_URL names where there is one. @throws BAD_OPTION */
export function weightsUrl({ file, url }: Pick<ModelEntry, "file" | "url">, env = process.env): string | undefined {
  const mirror = env.BALLSIGHT_WEIGHTS_URL;
  if (url === undefined || !mirror) return url;
  const base = mirror.endsWith("/") ? mirror : `${mirror}/`;
  if (!/^https?:/i.test(base) || !URL.canParse(base)) {
    const values = { option: "BALLSIGHT_WEIGHTS_URL", expected: "an http or https address", received: mirror };
    return fail("BAD_OPTION", values);
  }
  return new URL(file, base).href;
}

/** `--offline`, or BALLSIGHT_OFFLINE set to anything but 0. */
export const isOffline = (option: boolean | undefined, env: NodeJS.ProcessEnv = process.env): boolean =>
  option === true || !["", "0", undefined].includes(env.BALLSIGHT_OFFLINE);
