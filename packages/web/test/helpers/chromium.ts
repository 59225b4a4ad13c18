// A browser for tests: Debian's chromium, or the one that CHROMIUM names.

import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const PATH = process.env.CHROMIUM ?? "/usr/bin/chromium";

export const hasChromium = existsSync(PATH);
if (!hasChromium) console.warn(`skipped: no chromium at ${PATH}; name another in CHROMIUM`);

/** Milliseconds: nothing here depends on how quick the machine is, which may have other work. */
export const PATIENT = 100_000;

/** With a camera that shows a test picture. */
export const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: PATH,
    args: ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"],
  });
