// The page that `ballsight serve` serves, with that server behind it: both backends give one answer, and the page outlives the server.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toyModel } from "../../../vision/test/helpers/toyModel.ts";
import { hasChromium, openBrowser, PATIENT } from "../../../web/test/helpers/chromium.ts";
import { photoFiles } from "../../../web/test/helpers/photos.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/ballsight.js", import.meta.url));

let browser: Browser;
let root: string;

async function serve(...options: string[]): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [PROGRAM, "serve", "--port", "0", "--json", ...options], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [line] = (await once(child.stdout!, "data")) as [Buffer];
  return { url: (JSON.parse(line.toString()) as { url: string }).url, child };
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill("SIGTERM");
  await once(child, "exit");
}

/** The CSV's rows: name, label, who answered, probabilities by their column. */
async function table(page: Page) {
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save as CSV" }).click();
  const text = await readFile(await (await downloading).path(), "utf8");
  const [head, ...rows] = text
    .trimEnd()
    .split("\r\n")
    .map((row) => row.split(","));
  const first = head!.findIndex((name) => name.startsWith("p("));
  return rows.map((row) => ({ name: row[0], label: row[1], by: row[5], probabilities: row.slice(first).map(Number) }));
}

describe.skipIf(!hasChromium)("the page of ballsight serve", () => {
  beforeAll(async () => {
    [browser, root] = await Promise.all([openBrowser(), mkdtemp(join(tmpdir(), "ballsight-serve-page-"))]);
  });
  afterAll(async () => {
    await browser.close();
    await rm(root, { recursive: true });
  });

  test("server and browser give photos the same labels and probabilities; without the server the page goes on", async () => {
    const { url, child } = await serve();
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENT);
    await page.goto(url);
    await page.locator(".label", { hasText: "Baseball" }).waitFor();
    expect(await page.getByTestId("origin").textContent()).toContain("the photo was sent there");
    const files = await photoFiles(6);
    await page.locator("#files").setInputFiles(files);
    await page.getByText("all done").waitFor();
    const there = await table(page);
    await page.getByRole("button", { name: "Clear" }).click();
    await page.locator("[value=device]").check();
    await page.locator("#files").setInputFiles(files);
    await page.getByText("all done").waitFor();
    const here = await table(page);
    expect([new Set(there.map(({ by }) => by)), new Set(here.map(({ by }) => by))]).toEqual([
      new Set(["server"]),
      new Set(["wasm"]),
    ]);
    for (const [i, { name, label, probabilities }] of there.entries()) {
      expect(here[i], name).toMatchObject({ name, label });
      expect(probabilities).toHaveLength(10);
      probabilities.forEach((p, k) => {
        expect(Math.abs(p - here[i]!.probabilities[k]!), name).toBeLessThan(1e-2);
      });
    }
    await page.getByText("works without a network").waitFor();
    await stop(child);
    await page.reload();
    await page.locator("#badge", { hasText: "does not answer" }).waitFor();
    await page.locator(".label", { hasText: "Baseball" }).waitFor();
    await page.close();
  });

  test("with another model: its labels, no examples of ours, in both backends", async () => {
    await writeFile(join(root, "toy.onnx"), toyModel());
    const { url, child } = await serve("--model", join(root, "toy.onnx"));
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENT);
    await page.goto(url);
    await page.getByText("Blue, Green, or Red").waitFor();
    expect(await page.locator(".examples").count()).toBe(0);
    const red = await sharp({ create: { width: 60, height: 40, channels: 3, background: "#c80000" } })
      .png()
      .toBuffer();
    for (const mode of ["auto", "device"]) {
      await page.locator(`[value=${mode}]`).check();
      await page.locator("#files").setInputFiles([{ name: `${mode}.png`, mimeType: "image/png", buffer: red }]);
      await page.locator(".stage figcaption", { hasText: mode }).waitFor();
      await page.locator(".label", { hasText: "Red" }).waitFor();
    }
    await page.close();
    await stop(child);
  });
});
