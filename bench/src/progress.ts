// The house's bar, for what takes more than two seconds.

import { Progress } from "./internals.ts";

/** On stderr, with `--json` too: the result alone is on stdout, and that is what a machine reads. */
export const progressBar = () => new Progress({ stream: process.stderr });
