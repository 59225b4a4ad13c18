// A written site as its visitors see it, under a sub-path of a host that serves files alone.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { hasChromium, openBrowser, PATIENT } from "../../../web/test/helpers/chromium.ts";
import { type GradioApp, gradioApp } from "../../../web/test/helpers/gradioApp.ts";
import { hostPage, type PageHost } from "../../../web/test/helpers/pageServer.ts";
import { site } from "../../src/commands/site.ts";

let browser: Browser;
let root: string;
let app: GradioApp;
let plain: PageHost;
let withApi: PageHost;

describe.skipIf(!hasChromium)("a site", () => {
  beforeAll(async () => {
    vi.spyOn(process.stdout, "write").mockReturnValue(true);
    [browser, root, app] = await Promise.all([openBrowser(), mkdtemp(join(tmpdir(), "ballsight-pages-")), gradioApp()]);
    await site({ out: join(root, "plain"), title: "Ball sight" });
    await site({ out: join(root, "api"), api: app.url });
    vi.restoreAllMocks();
    [plain, withApi] = await Promise.all([
      hostPage({ folder: join(root, "plain") }),
      hostPage({ folder: join(root, "api") }),
    ]);
  });
  afterAll(async () => {
    await Promise.all([browser.close(), plain.close(), withApi.close(), app.close()]);
    await rm(root, { recursive: true });
  });

  async function visit(url: string): Promise<{ page: Page; trouble: string[] }> {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENT);
    const trouble: string[] = [];
    page.on("console", (message) => message.type() === "error" && trouble.push(message.text()));
    page.on("pageerror", (error) => trouble.push(error.message));
    await page.goto(url);
    return { page, trouble };
  }

  test("from the home page to an answer, all in the browser, and offline afterwards with all its pages", async () => {
    const { page, trouble } = await visit(plain.url);
    await page.getByRole("link", { name: "Try it with a photo" }).click();
    await page.locator(".label", { hasText: "Baseball" }).waitFor();
    expect(await page.title()).toBe("Ball sight");
    await page.getByText("works without a network").waitFor();
    // Strict policy: nothing of the page runs into it.
    expect(trouble).toEqual([]);
    await page.context().setOffline(true);
    for (const name of ["card.html", "index.html", "", "recognizer", "recognizer.html"]) {
      await page.goto(plain.url + name);
      expect(await page.title(), name).toContain("Ball sight");
    }
    await page.locator(".label", { hasText: "Baseball" }).waitFor();
    await page.context().close();
  });

  test("with an API of another origin the policy lets the page call it", async () => {
    const { page, trouble } = await visit(`${withApi.url}recognizer.html`);
    await page.locator(".label", { hasText: "Golf" }).waitFor();
    expect(app.uploads.length).toBe(1);
    expect(trouble).toEqual([]);
    await page.context().close();
  });

  test("axe finds nothing on the home page and the card, and nothing sticks out on a phone", async () => {
    const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    for (const name of ["index.html", "card.html"]) {
      const { page } = await visit(plain.url + name);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() =>
        (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
      );
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0);
      await page.context().close();
    }
  });
});
