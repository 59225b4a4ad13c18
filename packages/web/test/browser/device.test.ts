// The page that answers in the browser: every way in, the numbers beside Node's, what is refused, and what one can do with an answer.

import { readdir, readFile, stat } from "node:fs/promises";
import type { Browser, Download, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { toyModel } from "../../../vision/test/helpers/toyModel.ts";
import { hasChromium, openBrowser, PATIENT } from "../helpers/chromium.ts";
import { BUILT, hostPage, type PageHost, type PageOptions } from "../helpers/pageServer.ts";
import { picture } from "../helpers/photos.ts";
import { MOST_SCRIPT, scriptsOf } from "../helpers/scripts.ts";

let browser: Browser;
let host: PageHost;
const open: Page[] = [];

async function visit(options: PageOptions = {}): Promise<Page> {
  host = await hostPage(options);
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENT);
  open.push(page);
  await page.goto(host.url);
  return page;
}

const label = (page: Page) => page.locator(".label").textContent();
/** What the keyboard is at, by its name. */
const focused = (page: Page) =>
  page.evaluate(() => {
    const { activeElement: at } = document;
    return at?.getAttribute("aria-label") ?? at?.textContent ?? "";
  });
const answered = (page: Page, name: string) => page.locator(".stage figcaption", { hasText: name }).waitFor();

async function text(download: Download): Promise<string> {
  return readFile(await download.path(), "utf8");
}

describe.skipIf(!hasChromium)("the recogniser in the browser", () => {
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((page) => page.close()));
    await host.close();
  });
  afterAll(() => browser.close());

  test("answers an example without any action, under a sub-path, with nothing from elsewhere", async () => {
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENT);
    open.push(page);
    host = await hostPage();
    const foreign: string[] = [];
    const trouble: string[] = [];
    const scripts = scriptsOf(page);
    page.on("request", (request) => {
      if (!request.url().startsWith(host.url) && !/^(blob|data):/.test(request.url())) foreign.push(request.url());
    });
    page.on("console", (message) => message.type() === "error" && trouble.push(message.text()));
    await page.goto(host.url);
    await page.locator(".bars").waitFor();
    expect(await label(page)).toBe("Baseball");
    expect(await page.locator(".bars li.best .number").textContent()).toMatch(/^99\.\d\s%$/);
    expect(await page.locator("#badge").textContent()).toContain("Photos stay on this device");
    expect(await page.getByTestId("origin").textContent()).toContain("the photo stayed on this device");
    expect(foreign).toEqual([]);
    expect(trouble).toEqual([]);
    expect(await scripts()).toBeGreaterThan(20_000);
    expect(await scripts()).toBeLessThan(MOST_SCRIPT);
    // What it costs is said, of the runtime that is there.
    const runtime = (await readdir(`${BUILT}assets`)).find((name) => /simd-threaded-.*\.wasm$/.test(name))!;
    const { size } = await stat(`${BUILT}assets/${runtime}`);
    expect(await page.locator("main").textContent()).toContain(`the runtime, ${(size / 1e6).toFixed(1)}\u00a0MB`);
  });

  test("takes photos by drop, paste, camera and example", async () => {
    const page = await visit();
    await page.locator(".bars").waitFor();
    const tennis = await picture("Tennis", 4).jpeg().toBuffer();
    const transfer = await page.evaluateHandle(
      (bytes) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(bytes)], "dropped.jpg", { type: "image/jpeg" }));
        return transfer;
      },
      [...tennis],
    );
    await page.dispatchEvent("body", "dragover", { dataTransfer: transfer });
    await page.getByText("Drop the photos").waitFor();
    await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
    await answered(page, "dropped.jpg");
    await page.locator(".label", { hasText: "Tennis" }).waitFor();

    await page.evaluate(
      (bytes) => {
        const clipboardData = new DataTransfer();
        clipboardData.items.add(new File([new Uint8Array(bytes)], "image.png", { type: "image/jpeg" }));
        document.dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
      },
      [...(await picture("Bowling", 1).jpeg().toBuffer())],
    );
    await answered(page, "image.png");
    await page.locator(".label", { hasText: "Bowling" }).waitFor();

    await page.getByRole("button", { name: "Camera" }).click();
    await page.getByRole("button", { name: "Take the photo" }).click();
    await answered(page, "camera");
    await page.locator(".bars").waitFor();
    expect(await page.locator("dialog").count()).toBe(0);
    expect(await focused(page)).toBe("Camera");

    // A photo of one's own stays when an example is looked at.
    await page.getByRole("button", { name: "Try the example Volleyball" }).click();
    await page.locator(".label", { hasText: "Volleyball" }).waitFor();
    // The photo from the camera may be called so too: then its label is there before the example is.
    const rows = async (count: number) =>
      await vi.waitUntil(async () => (await page.locator(".all li").count()) === count, { timeout: PATIENT });
    await rows(4);
    await page.getByRole("button", { name: "Remove dropped.jpg" }).click();
    await rows(3);
    // The keyboard goes on where it was: at the next row, and where there is none any more, at the photo.
    await vi.waitUntil(async () => (await focused(page)) === "Remove image.png", { timeout: PATIENT });
    await page.getByRole("button", { name: "Clear" }).click();
    expect(await page.locator(".all").count()).toBe(0);
    expect(await focused(page)).toBe("Photo and answer");
  });

  test("says of each wrong file what it is, and answers the others", async () => {
    const good = await picture("Golf", 5).jpeg().toBuffer();
    const page = await visit({ config: { examples: [] } });
    await page.locator("#files").setInputFiles([
      { name: "empty.jpg", mimeType: "image/jpeg", buffer: Buffer.alloc(0) },
      { name: "page.jpg", mimeType: "image/jpeg", buffer: Buffer.from("<!DOCTYPE html><title>404</title>") },
      { name: "half.jpg", mimeType: "image/jpeg", buffer: good.subarray(0, 300) },
      { name: "=cmd.jpg", mimeType: "image/jpeg", buffer: Buffer.from("just words") },
      {
        name: "strip.png",
        mimeType: "image/png",
        buffer: await sharp({ create: { width: 900, height: 4, channels: 3, background: "red" } })
          .png()
          .toBuffer(),
      },
      { name: "good.jpg", mimeType: "image/jpeg", buffer: good },
    ]);
    await page.getByText("all done").waitFor();
    const outcomes = await page.locator(".outcome").allTextContents();
    expect(outcomes[0]).toContain("0 bytes");
    expect(outcomes[1]).toContain("a web page");
    expect(outcomes[2]).toContain("damaged");
    expect(outcomes[3]).toContain("text");
    expect(outcomes[4]).toContain("100 to 1");
    expect(outcomes[5]).toContain("Golf");
    expect(await page.getByRole("alert").textContent()).toContain("No answer");
    const downloading = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save as CSV" }).click();
    // A spreadsheet would run what begins with an equals sign.
    expect(await text(await downloading)).toContain("\r\n'=cmd.jpg,");
  });

  test("is not sure below the threshold, shows what the answer rests on, takes corrections", async () => {
    const page = await visit({ config: { threshold: 0.999 } });
    await page.locator(".bars").waitFor();
    expect(await label(page)).toBe("Not sure");
    expect(await page.locator(".headline").textContent()).toContain("Perhaps Baseball, or Rugby");

    const toggle = page.getByRole("button", { name: "What it looked at" });
    await toggle.click();
    await page.locator(".overlay").waitFor();
    expect(await page.locator(".stage figcaption").textContent()).toContain("“Baseball” rests most on");
    // The whole of a square photo is seen.
    const [frame, overlay] = await Promise.all([
      page.locator(".frame").boundingBox(),
      page.locator(".overlay").boundingBox(),
    ]);
    expect(overlay!.width / frame!.width).toBeCloseTo(1, 2);
    expect(await toggle.getAttribute("aria-pressed")).toBe("true");
    await toggle.click();
    expect(await page.locator(".overlay").count()).toBe(0);

    await page.getByRole("button", { name: "Correct it" }).click();
    await page.getByLabel("Label").selectOption("Cricket");
    await page.getByLabel("Put the photo in").uncheck();
    const downloading = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save the correction" }).click();
    const correction = JSON.parse(await text(await downloading));
    expect(correction).toMatchObject({ version: 1, label: "Cricket", answered: { label: "Baseball", by: "wasm" } });
    expect(correction.photo).toMatchObject({ data: null, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    await page.getByText("You said: Cricket").waitFor();

    await page.getByRole("button", { name: "Correct it" }).click();
    await page.getByLabel("Label").selectOption("something else");
    await page.getByLabel("Namely").fill("Handball");
    const second = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save the correction" }).click();
    const whole = JSON.parse(await text(await second));
    expect(whole.label).toBe("Handball");
    expect(whole.photo.data).toMatch(/^data:image\/jpeg;base64,\/9j\//);
  });

  test("takes labels from the model, whatever it knows", async () => {
    const page = await visit({ model: toyModel(), config: { examples: [], labels: [] } });
    const red = await sharp({ create: { width: 60, height: 40, channels: 3, background: "#c80000" } })
      .png()
      .toBuffer();
    await page.locator("#files").setInputFiles([{ name: "red.png", mimeType: "image/png", buffer: red }]);
    await page.locator(".label", { hasText: "Red" }).waitFor();
    expect(await page.locator(".bars .name").allTextContents()).toEqual(
      expect.arrayContaining(["Red", "Green", "Blue"]),
    );
  });

  test("asks the server that serves it for the model's facts, and shows only examples that it knows", async () => {
    const served = {
      models: [
        { id: "two", labels: ["Golf", "Tennis"], sha256: "ab".repeat(32), bytes: 7_100_481, file: "/model.onnx" },
      ],
    };
    const patience = { connect: 1000, answer: 1000 };
    const page = await visit({
      config: { models: "v1/models", patience },
      files: { "v1/models": JSON.stringify(served) },
    });
    await page.locator(".bars").waitFor();
    expect(await page.locator(".examples li").count()).toBe(2);
    expect(await label(page)).toBe("Golf");

    // Nothing is painted before: a server that never says it is not waited for.
    host.silent = (name) => name === "v1/models";
    await page.reload();
    await page.locator(".examples").waitFor();
    expect(await page.locator(".examples li").count()).toBe(10);
  });

  test("leaves the graphics card alone where there is none, and says so", async () => {
    // Examples that cannot be fetched, and none at all: there is nothing to compare by.
    const missing = await visit({ config: { examples: [{ file: "examples/none.jpg", label: "Golf" }] } });
    await missing.getByRole("alert").waitFor();
    await missing.getByLabel("Use the graphics card").click();
    await missing.getByText("Not used: the example cannot be fetched").waitFor();
    expect(await missing.getByLabel("Use the graphics card").isChecked()).toBe(false);
    await host.close();
    const bare = await visit({ config: { examples: [] } });
    await bare.getByLabel("Use the graphics card").click();
    await bare.getByText("Not used: bring a photo first").waitFor();
    expect(await bare.getByLabel("Use the graphics card").isChecked()).toBe(false);
    await host.close();

    const page = await visit();
    await page.locator(".bars").waitFor();
    const gpu = page.getByLabel("Use the graphics card");
    await gpu.click();
    await page.getByText(/Not used: /).waitFor();
    expect(await gpu.isChecked()).toBe(false);
    await page.getByRole("button", { name: "Try the example Golf" }).click();
    await page.locator(".label", { hasText: "Golf" }).waitFor();
    expect(await page.getByTestId("origin").textContent()).toContain("WebAssembly");
  });

  test("says what is wrong with a model file that is none, and with one that is not there", async () => {
    const page = await visit({ model: new TextEncoder().encode("no model at all") });
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").textContent()).toContain("no ONNX model");
    await host.close();
    const other = await visit({ config: { model: { url: "missing.onnx", name: "m", bytes: 5 } } });
    await other.getByRole("alert").waitFor();
    expect(await other.getByRole("alert").textContent()).toContain("missing.onnx cannot be fetched (HTTP 404)");
  });
});
