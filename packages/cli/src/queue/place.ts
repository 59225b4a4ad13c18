// Folders that are called otherwise on a worker's machine than on the coordinator's.

import { isAbsolute, join, relative, resolve } from "node:path";
import { fail } from "@ballsight/vision";

/**
 * What `--map from=to` makes of paths; the longest folder that fits counts. Where there are some, they are a fence: what Redis says is
 * read and written under them alone, and what it returns throws SHARD_FOLDER otherwise.
 * @throws BAD_OPTION
 */
export function placeOf(maps: readonly string[]): (path: string) => string {
  const pairs = maps.map((map) => {
    const [from = "", to = "", ...rest] = map.split("=");
    if (isAbsolute(from) && to !== "" && rest.length === 0) return { from: resolve(from), to: resolve(to) };
    return fail("BAD_OPTION", { option: "--map", expected: "folders as in /data=/mnt/data", received: map });
  });
  pairs.sort((a, b) => b.from.length - a.from.length);
  return (path) => {
    for (const { from, to } of pairs) {
      const below = relative(from, path);
      if (below !== ".." && !below.startsWith("../") && !isAbsolute(below)) return join(to, below);
    }
    return pairs.length === 0 ? path : fail("SHARD_FOLDER", { name: path });
  };
}
