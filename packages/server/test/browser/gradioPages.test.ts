// Pages of another origin that use Gradio's clients, as they were written in 2023 and as they are today, in Chromium.

import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import type { RunningServer } from "@ballsight/server";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Colour, plain, startToy } from "../helpers/toyServer.ts";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const hasChromium = existsSync(CHROMIUM);
if (!hasChromium) console.warn(`skipped: no chromium at ${CHROMIUM}; name another in CHROMIUM`);

const require = createRequire(import.meta.url);
const TODAY = join(dirname(require.resolve("@gradio/client/package.json")), "dist/browser.js");
const OF_2023 = join(dirname(require.resolve("gradio-client-2023/package.json")), "dist/index.js");

/** A photo chosen by a person, read as a data URL, asked about, its label shown: what tutorials of 2023 taught. */
const page2023 = (api: string) => `<!doctype html><title>2023</title>
<input type="file" id="photo"><p id="results"></p>
<script type="module">
import { client } from "/2023.js";
document.getElementById("photo").addEventListener("change", (event) => {
  const reader = new FileReader();
  reader.onload = async () => {
    try {
      const app = await client(${JSON.stringify(api)});
      const response = await app.predict("/predict", [reader.result]);
      const { label, confidences } = response.data[0];
      document.getElementById("results").textContent = label + " " + confidences.length;
    } catch (error) {
      document.getElementById("results").textContent = "error: " + error.message;
    }
  };
  reader.readAsDataURL(event.target.files[0]);
});
</script>`;

const pageToday = (api: string) => `<!doctype html><title>today</title>
<input type="file" id="photo" multiple><p id="results"></p>
<script type="module">
import { Client } from "/today.js";
const results = document.getElementById("results");
const app = Client.connect(${JSON.stringify(api)});
document.getElementById("photo").addEventListener("change", async (event) => {
  const asked = [...event.target.files].map(async (file) => {
    try {
      return (await (await app).predict("/predict", [file])).data[0].label;
    } catch (error) {
      return "error: " + error.message;
    }
  });
  results.textContent = (await Promise.all(asked)).join(", ");
});
</script>`;

let server: RunningServer;
let pages: Server;
let origin: string;
let browser: Browser;

const file = async (colour: Colour) => ({
  name: `${colour}.jpg`,
  mimeType: "image/jpeg",
  buffer: await plain(colour, 320, 240).jpeg().toBuffer(),
});
const text = { name: "a.jpg", mimeType: "image/jpeg", buffer: Buffer.from("no photo") };

async function open(path: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(`${origin}${path}`);
  return page;
}

/** What the page says about the files once it is not what it said before. */
async function ask(page: Page, ...files: { name: string; mimeType: string; buffer: Buffer }[]): Promise<string> {
  await page.locator("#results").evaluate((element) => {
    element.textContent = "";
  });
  await page.locator("#photo").setInputFiles(files);
  await page.locator("#results:not(:empty)").waitFor();
  return (await page.locator("#results").textContent()) ?? "";
}

describe.skipIf(!hasChromium)("in Chromium, from another origin", () => {
  beforeAll(async () => {
    server = await startToy();
    const scripts: Record<string, Buffer> = { "/today.js": await readFile(TODAY), "/2023.js": await readFile(OF_2023) };
    pages = createServer(({ url = "/" }, response) => {
      const script = scripts[url.split("?")[0] as string];
      response.setHeader("content-type", script === undefined ? "text/html; charset=utf-8" : "text/javascript");
      response.end(script ?? (url.startsWith("/2023") ? page2023(server.url) : pageToday(server.url)));
    });
    pages.listen(0, "127.0.0.1");
    await once(pages, "listening");
    origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  });
  afterAll(async () => {
    await browser?.close();
    pages?.close();
    await server?.close();
  });

  test("a page of 2023 with @gradio/client 0.1.4", async () => {
    const page = await open("/2023.html");
    expect(await ask(page, await file("Red"))).toBe("Red 3");
    expect(await ask(page, await file("Blue"))).toBe("Blue 3");
    expect(await ask(page, text)).toMatch(/^error: .*text file/);
    await page.close();
  });

  test("a page of today with @gradio/client 2.7.0, also with a query of its own", async () => {
    const page = await open("/today.html?photo=1");
    expect(await ask(page, await file("Green"))).toBe("Green");
    const many = await Promise.all((["Red", "Green", "Blue", "Blue", "Red"] as const).map(file));
    expect(await ask(page, ...many)).toBe("Red, Green, Blue, Blue, Red");
    expect(await ask(page, text)).toMatch(/^error: .*text file/);
    expect(await ask(page, await file("Blue"))).toBe("Blue");
    // It would keep the photos' addresses in the browser otherwise.
    expect(await page.evaluate(() => Object.keys(localStorage))).toEqual([]);
    await page.close();
  });
});
