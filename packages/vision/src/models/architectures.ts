// The architectures by name. One table; nothing registers itself.

import type { Architecture } from "./architecture.ts";
import { mobilenetV2 } from "./mobilenetV2.ts";

export const ARCHITECTURES: Readonly<Record<string, Architecture>> = Object.fromEntries(
  [mobilenetV2].map((architecture) => [architecture.name, architecture]),
);
