// For everybody: axe-core without findings, keys alone, a phone, the dark, less motion, no network.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { type Browser, type BrowserContext, devices, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { hasChromium, openBrowser, PATIENT } from "../helpers/chromium.ts";
import { gradioApp } from "../helpers/gradioApp.ts";
import { hostPage, type PageHost } from "../helpers/pageServer.ts";
import { photoFiles } from "../helpers/photos.ts";

let browser: Browser;
let context: BrowserContext;
let host: PageHost;
let axe: string;

const phone = devices["Pixel 7"]!;
const SIZES = {
  "a phone, dark, less motion": { ...phone, colorScheme: "dark", reducedMotion: "reduce" },
  "a tablet, light": { viewport: { width: 820, height: 1180 }, colorScheme: "light" },
  "a desk, dark": { viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
} as const;

async function findings(page: Page): Promise<string[]> {
  // Through the debugger: the page's own policy lets no script of others in.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    (window as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}

/** What a person sees beside the page would have to be scrolled to. */
const overflow = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

describe.skipIf(!hasChromium)("for everybody", () => {
  beforeAll(async () => {
    axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    browser = await openBrowser();
  });
  afterEach(async () => {
    await context.close();
    await host.close();
  });
  afterAll(() => browser.close());

  test.each(Object.entries(SIZES))("axe finds nothing and nothing sticks out: %s", async (_, settings) => {
    const app = await gradioApp();
    app.behaviour = "away";
    host = await hostPage({
      config: { api: app.url, links: [{ text: "Home", href: "./" }] },
      calls: [app.origin],
    });
    context = await browser.newContext(settings);
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENT);
    await page.goto(host.url);
    await page.locator(".bars").waitFor();
    expect(await findings(page)).toEqual([]);

    const wrong = { name: `${"long".repeat(40)}.jpg`, mimeType: "image/jpeg", buffer: Buffer.from("words") };
    await page.locator("#files").setInputFiles([...(await photoFiles(3)), wrong]);
    await page.getByText("all done").waitFor();
    await page.getByRole("button", { name: "What it looked at" }).click();
    await page.locator(".overlay").waitFor();
    for (const title of ["curl", "JavaScript", "Python"]) await page.locator("summary", { hasText: title }).click();
    expect(await findings(page)).toEqual([]);
    expect(await overflow(page)).toBe(0);

    await page.getByRole("button", { name: "Correct it" }).click();
    await page.getByLabel("Label").selectOption("something else");
    expect(await findings(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await page.locator(".all .pick").last().click();
    await page.getByRole("alert").waitFor();
    expect(await findings(page)).toEqual([]);
    await page.getByRole("button", { name: "Camera" }).click();
    await page.getByRole("button", { name: "Take the photo" }).waitFor();
    expect(await findings(page)).toEqual([]);
    expect(await overflow(page)).toBe(0);
    await app.close();
  });

  test("buttons are as large as a fingertip (44 px), colours follow the system, and what moves stands still where it is asked to", async () => {
    host = await hostPage();
    context = await browser.newContext(SIZES["a phone, dark, less motion"]);
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENT);
    await page.goto(host.url);
    await page.locator(".bars").waitFor();
    const small = await page.evaluate(() =>
      [...document.querySelectorAll("button, summary, nav a, label.choice, select")]
        .map((element) => ({ words: element.textContent, height: element.getBoundingClientRect().height }))
        .filter(({ height }) => height > 0 && height < 44),
    );
    expect(small).toEqual([]);

    const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g)!.map(Number));
    const moves = () =>
      page.locator(".bars .best .track span").evaluate((bar) => getComputedStyle(bar).transitionDuration);
    expect(Math.max(...(await paper()))).toBeLessThan(60);
    expect(await moves()).toBe("0s");
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "no-preference" });
    expect(Math.min(...(await paper()))).toBeGreaterThan(200);
    expect(await moves()).not.toBe("0s");
  });

  test("keys alone: to an example, its answer, its map, a correction and back", async () => {
    host = await hostPage();
    context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENT);
    await page.goto(host.url);
    await page.locator(".bars").waitFor();
    const words = () =>
      page.evaluate(() => {
        const { activeElement: at } = document;
        return at?.querySelector("img")?.getAttribute("alt") ?? at?.textContent ?? "";
      });
    const tabTo = async (name: string) => {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press("Tab");
        if ((await words()).includes(name)) return;
      }
      throw new Error(`no way to "${name}" by Tab`);
    };
    // A screen reader hears what changes in a region that was there before: it is marked, and looked at again in the end.
    await page.getByTestId("aloud").evaluate((region) => region.setAttribute("data-seen", ""));
    await tabTo("Choose photos");
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle);
    expect(outline).not.toBe("none");
    await tabTo("Try the example Tennis");
    await page.keyboard.press("Enter");
    await page.locator(".label", { hasText: "Tennis" }).waitFor();
    await tabTo("What it looked at");
    await page.keyboard.press("Space");
    await page.locator(".overlay").waitFor();
    await tabTo("Correct it");
    await page.keyboard.press("Enter");
    await page.locator("dialog[open]").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    expect(await words()).toContain("Correct it");
    const region = page.locator("[aria-live=polite][data-seen]");
    expect(await region.textContent()).toMatch(/^example Tennis: Tennis, [\d.]+\s%\. It rests most on /);
  });

  test("without a network after the first visit", async () => {
    host = await hostPage();
    context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENT);
    await page.goto(host.url);
    await page.getByText("works without a network").waitFor();
    // A network that neither answers nor fails.
    host.silent = () => true;
    await page.reload();
    await page.locator(".label", { hasText: "Baseball" }).waitFor();
    await host.close();
    await context.setOffline(true);
    await page.reload();
    await page.locator(".label", { hasText: "Baseball" }).waitFor();
    const [photo] = await photoFiles(1);
    await page.locator("#files").setInputFiles([photo!]);
    await page.locator(".stage figcaption", { hasText: photo!.name }).waitFor();
    await page.locator(".bars").waitFor();
    expect(await page.getByTestId("origin").textContent()).toContain("stayed on this device");
  });

  test("without a network a page with an API falls back to the device", async () => {
    const app = await gradioApp();
    host = await hostPage({ config: { api: app.url }, calls: [app.origin] });
    context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENT);
    await page.goto(host.url);
    await page.locator(".label", { hasText: "Golf" }).waitFor();
    await page.getByText("works without a network").waitFor();
    await Promise.all([host.close(), app.close()]);
    await context.setOffline(true);
    await page.reload();
    await page.locator(".label", { hasText: "Baseball" }).waitFor();
    expect(await page.locator("#badge").textContent()).toContain("stay on this device");
  });
});
