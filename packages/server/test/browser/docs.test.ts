// The page about the API in Chromium: readable at every width, dark too, and by a screen reader (axe).

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import type { RunningServer } from "@ballsight/server";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startToy } from "../helpers/toyServer.ts";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const hasChromium = existsSync(CHROMIUM);
if (!hasChromium) console.warn(`skipped: no chromium at ${CHROMIUM}; name another in CHROMIUM`);
const require = createRequire(import.meta.url);
const AXE = require.resolve("axe-core/axe.min.js");

let server: RunningServer;
let browser: Browser;

describe.skipIf(!hasChromium)("/docs", () => {
  beforeAll(async () => {
    server = await startToy();
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  test.each([
    [390, "dark"],
    [820, "light"],
    [1280, "light"],
  ] as const)("%i px wide, %s", async (width, colorScheme) => {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    const said: string[] = [];
    page.on("console", (message) => said.push(message.text()));
    await page.goto(`${server.url}/docs`);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    expect(said).toEqual([]);

    // axe's script is no part of the page, whose policy would refuse it.
    const session = await page.context().newCDPSession(page);
    await session.send("Page.setBypassCSP", { enabled: true });
    await page.reload();
    await page.addScriptTag({ path: AXE });
    const found = await page.evaluate(async () => {
      const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string }[] }> } };
      return (await axe.run()).violations.map(({ id }) => id);
    });
    expect(found).toEqual([]);
    await page.close();
  });
});
