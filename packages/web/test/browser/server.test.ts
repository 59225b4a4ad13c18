// The page with an API of another origin: who answers, where the photo goes and what the page says of it, whatever the API does.

import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { hasChromium, openBrowser, PATIENT } from "../helpers/chromium.ts";
import { type GradioApp, gradioApp } from "../helpers/gradioApp.ts";
import { hostPage, type PageHost, type PageOptions } from "../helpers/pageServer.ts";
import { type PhotoFile, photoFiles } from "../helpers/photos.ts";
import { MOST_SCRIPT, scriptsOf } from "../helpers/scripts.ts";

let browser: Browser;
let context: BrowserContext;
let app: GradioApp;
let host: PageHost;
let photos: readonly PhotoFile[];
let scripts: () => Promise<number>;

/** The server is given up after so long; what must not be given up is never waited for that long. */
const PATIENCE = { connect: 60_000, answer: 60_000 };
const NO_PATIENCE = { connect: 60_000, answer: 1500 };

async function visit(config: PageOptions["config"] = {}): Promise<Page> {
  host = await hostPage({
    config: { api: app.url, examples: [], patience: PATIENCE, ...config },
    calls: [app.origin],
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENT);
  scripts = scriptsOf(page);
  await page.goto(host.url);
  return page;
}

const bring = (page: Page, ...files: readonly PhotoFile[]) => page.locator("#files").setInputFiles(files);
const badge = (page: Page) => page.locator("#badge").textContent();
const origin = (page: Page) => page.getByTestId("origin").textContent();
const label = (page: Page, name: string) => page.locator(".label", { hasText: name }).waitFor();
/** Workers that answer; what the service worker keeps for later aside. */
const recognisers = (page: Page) => page.workers().filter((worker) => worker.url().includes("/assets/worker"));
const wentAway = (page: Page) => page.locator("#badge", { hasText: "stay on this device" }).waitFor();

describe.skipIf(!hasChromium)("the page and its API", () => {
  beforeAll(async () => {
    [browser, photos] = await Promise.all([openBrowser(), photoFiles(10)]);
  });
  beforeEach(async () => {
    [app, context] = await Promise.all([gradioApp(), browser.newContext()]);
  });
  afterEach(async () => {
    await context.close();
    await Promise.all([app.close(), host.close()]);
  });
  afterAll(() => browser.close());

  test("the API answers where it is there; nothing of the runtime is started for it", async () => {
    const page = await visit();
    await page.locator("#badge", { hasText: "sent to" }).waitFor();
    await bring(page, photos[0]!);
    await label(page, "Golf");
    expect(app.uploads).toHaveLength(1);
    // The photo as it is, in a form of several parts.
    expect(app.uploads[0]!.includes(photos[0]!.buffer)).toBe(true);
    expect(await badge(page)).toContain(`Photos are sent to ${new URL(app.url).host}`);
    expect(await origin(page)).toMatch(/answered by 127\.0\.0\.1.* the photo was sent there/);
    expect(await page.locator(".bars .number").allTextContents()).toEqual(["91.0\u00a0%", "6.0\u00a0%", "3.0\u00a0%"]);

    // One connection serves the next photos too.
    await bring(page, ...photos.slice(1, 4));
    await page.getByText("all done").waitFor();
    expect(app.uploads).toHaveLength(4);
    expect(recognisers(page)).toEqual([]);
    expect(await scripts()).toBeGreaterThan(20_000);
    expect(await scripts()).toBeLessThan(MOST_SCRIPT);
  });

  test("an API that is away: the browser answers, no photo leaves, the page says so", async () => {
    app.behaviour = "away";
    const page = await visit();
    await wentAway(page);
    expect(await badge(page)).toContain("does not answer");
    await bring(page, photos[0]!);
    await label(page, "Baseball");
    expect(await origin(page)).toContain("the photo stayed on this device");
    expect(app.uploads).toHaveLength(0);

    // Back again, after a look at it.
    app.behaviour = "answer";
    await page.getByRole("button", { name: "Try it again" }).click();
    await page.locator("#badge", { hasText: "sent to" }).waitFor();
    await bring(page, photos[1]!);
    await label(page, "Golf");
    expect(app.uploads).toHaveLength(1);
  });

  test("an API that does not come to an answer: the browser does, and the page admits that the photo was sent", async () => {
    app.behaviour = "wait";
    const page = await visit({ patience: NO_PATIENCE });
    await page.locator("#badge", { hasText: "sent to" }).waitFor();
    await bring(page, photos[0]!);
    await label(page, "Baseball");
    expect(app.uploads).toHaveLength(1);
    expect(await origin(page)).toMatch(/in this browser.*was sent to .* too, which did not answer in time/);
    await wentAway(page);
    // Gradio's client, the worker, the page: nobody loads more than who falls back from one to the other.
    expect(await scripts()).toBeGreaterThan(40_000);
    expect(await scripts()).toBeLessThan(MOST_SCRIPT);
    await bring(page, photos[1]!);
    await page.getByText("all done").waitFor();
    expect(app.uploads).toHaveLength(1);
    // Six streams of a host are all that a browser opens: one that is given up is closed.
    await vi.waitUntil(() => app.streams() === 0, { timeout: PATIENT });
  });

  test("photos that are taken away are computed nowhere, and their streams are closed", async () => {
    app.behaviour = "wait";
    const page = await visit();
    await page.locator("#badge", { hasText: "sent to" }).waitFor();
    await bring(page, ...photos.slice(0, 3));
    await vi.waitUntil(() => app.uploads.length === 3 && app.streams() > 0, { timeout: PATIENT });
    await page.getByRole("button", { name: `Remove ${photos[0]!.name}` }).click();
    await page.getByRole("button", { name: "Clear" }).click();
    await vi.waitUntil(() => app.streams() === 0, { timeout: PATIENT });
    expect(await badge(page)).toContain("sent to");
    app.behaviour = "answer";
    await bring(page, photos[3]!);
    await label(page, "Golf");
    expect(recognisers(page)).toEqual([]);
  });

  test("a photo that the API would refuse for its size is answered here, or refused before it is sent", async () => {
    app.largest = 1000;
    const page = await visit();
    await page.locator("#badge", { hasText: "sent to" }).waitFor();
    await bring(page, photos[0]!);
    await label(page, "Baseball");
    expect(await origin(page)).toMatch(/stayed on this device: .* takes photos of at most 0\.0/);
    await page.locator("[value=server]").check();
    await bring(page, photos[1]!);
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").textContent()).toContain("let this device answer");
    expect(app.uploads).toHaveLength(0);
  });

  test("who does not want to wait for the API is answered here, and the next photo is sent again", async () => {
    app.behaviour = "wait";
    const page = await visit();
    await page.locator("#badge", { hasText: "sent to" }).waitFor();
    await bring(page, photos[0]!);
    await page.getByRole("button", { name: "Answer on this device" }).click();
    await label(page, "Baseball");
    expect(await badge(page)).toContain("sent to");
    app.behaviour = "answer";
    await bring(page, photos[1]!);
    await label(page, "Golf");
  });

  test("what the API says against a photo is shown, and nobody else is asked", async () => {
    app.behaviour = "refuse";
    const page = await visit();
    await page.locator("#badge", { hasText: "sent to" }).waitFor();
    await bring(page, { name: "a.jpg", mimeType: "image/jpeg", buffer: Buffer.from("words") });
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").textContent()).toContain("expected a photo but received text; send a JPEG");
    expect(recognisers(page)).toEqual([]);
  });

  test("a full queue and a limit are the browser's turn", async () => {
    app.behaviour = "busy";
    const page = await visit();
    await page.locator("#badge", { hasText: "sent to" }).waitFor();
    await bring(page, photos[0]!);
    await label(page, "Baseball");
    expect(await origin(page)).toContain("was sent to");
    app.behaviour = "limit";
    await page.getByRole("button", { name: "Try it again" }).click();
    await page.locator("#badge", { hasText: "sent to" }).waitFor();
    await bring(page, photos[1]!);
    await label(page, "Basketball");
    expect(await origin(page)).toContain("was sent to");
  });

  test("maps are made in the browser, with the API's answer; an API that goes away in the middle", async () => {
    const page = await visit();
    await page.locator("#badge", { hasText: "sent to" }).waitFor();
    await bring(page, photos[0]!);
    await label(page, "Golf");
    await page.getByRole("button", { name: "What it looked at" }).click();
    await page.locator(".overlay").waitFor();
    app.behaviour = "away";
    await bring(page, photos[1]!);
    await label(page, "Basketball");
    await wentAway(page);
  });

  test("the switch: this device sends nothing, the server alone is not replaced", async () => {
    const page = await visit();
    await page.locator("#badge", { hasText: "sent to" }).waitFor();
    await page.locator("[value=device]").check();
    expect(await badge(page)).toContain("Photos stay on this device");
    await bring(page, photos[0]!);
    await label(page, "Baseball");
    expect(app.uploads).toHaveLength(0);

    app.behaviour = "away";
    await page.locator("[value=server]").check();
    expect(await badge(page)).toContain("sent to");
    await bring(page, photos[1]!);
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").textContent()).toContain("does not answer");
    await page.locator("[value=auto]").check();
    await wentAway(page);
    await page.getByRole("button", { name: "Try again" }).click();
    await label(page, "Basketball");
  });

  test("a page without a model of its own says that nobody answers", async () => {
    app.behaviour = "away";
    const page = await visit({ model: null });
    await bring(page, photos[0]!);
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").textContent()).toContain("does not answer");
    expect(await page.getByRole("button", { name: "What it looked at" }).count()).toBe(0);
  });

  test("snippets name the API's address, corrections are posted where the site says so, once", async () => {
    const page = await visit({ corrections: `${app.url}corrections` });
    await bring(page, photos[0]!);
    await label(page, "Golf");
    await page.getByRole("button", { name: "Correct it" }).click();
    await page.getByText(`It is sent to ${new URL(app.url).host}`).waitFor();
    await page.getByLabel("Label").selectOption("Rugby");
    app.slowness = 500;
    const send = page.getByRole("button", { name: "Send the correction" });
    await send.focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    await page.getByText("You said: Rugby").waitFor();
    expect(app.corrections).toHaveLength(1);
    for (const title of ["curl", "JavaScript", "Python"]) await page.locator("summary", { hasText: title }).click();
    for (const code of await page.locator("pre").allTextContents()) expect(code).toContain(app.url);
    expect(JSON.parse(app.corrections[0]!)).toMatchObject({
      label: "Rugby",
      answered: { label: "Golf", by: "server" },
    });
  });
});
