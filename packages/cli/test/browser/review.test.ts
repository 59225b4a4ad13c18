// The review in a real browser: thirty photos by keys, undo, filters, a reload, two tabs, a killed server; nothing is lost.

import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import { type Browser, chromium as engine, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { picture } from "../helpers/dataset.ts";
import {
  BALLS,
  balls,
  chromium,
  copyOf,
  dark,
  type Photo,
  put,
  type RunningReview,
  sha256,
  startReview,
  writeIssues,
  wrongLabel,
} from "../helpers/review.ts";
import { ballsight } from "../helpers/training.ts";

// A machine that does other things besides.
const PATIENCE = 60_000;

interface Line {
  readonly action: string;
  readonly file?: string;
  readonly to?: string;
  readonly who: string;
  readonly step: string;
}

describe.skipIf(chromium === undefined)("review in a browser (chromium, or CHROMIUM)", () => {
  let folder: string;
  let root: string;
  let browser: Browser;
  let review: RunningReview;
  let page: Page;
  let doubtful: Photo[];

  /** The journal as it is on the disk at this moment. */
  const lines = (): Line[] =>
    readFileSync(join(root, "decisions.jsonl"), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  const said = () => lines().map(({ action, file, to }) => [action, file, ...(to === undefined ? [] : [to])].join(" "));
  const start = (port = "0") => startReview(root, join(folder, "cache"), "--port", port);
  const open = async (address = review.address): Promise<Page> => {
    const opened = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    opened.setDefaultTimeout(PATIENCE);
    await opened.goto(address);
    await opened.waitForSelector("[role=option]");
    return opened;
  };
  const current = (of = page) => of.getAttribute("#grid", "aria-activedescendant");
  const atCurrent = async (of = page) => Number((await current(of))!.replace("photo-", ""));
  const show = (words: string, of = page) => of.click(`.shows button:has-text("${words}")`);
  const count = async (words: string, of = page) =>
    Number(await of.textContent(`.shows button:has-text("${words}") .count`));
  /** Presses a key and waits until the page has gone on. */
  const press = async (key: string, of = page) => {
    const before = await of.textContent("[aria-live]");
    await of.keyboard.press(key);
    await of.waitForFunction((text) => document.querySelector("[aria-live]")?.textContent !== text, before);
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ballsight-review-"));
    root = join(folder, "balls");
    const photos = await balls(root, 11, 9, 48);
    const small = await put(root, "Golf/copy.jpg", await picture("Golf", 2010, 48).resize(40).jpeg().toBuffer());
    const wrong = photos.filter(({ file }) => Number(file.split("/")[1]!.replace(".jpg", "")) < 9);
    const next = ({ label }: Photo) => BALLS[(BALLS.indexOf(label as (typeof BALLS)[number]) + 1) % BALLS.length]!;
    doubtful = [...wrong.slice(0, 34), small, photos.find(({ file }) => file === "Tennis/10.jpg")!];
    await writeIssues(root, [
      ...doubtful.slice(0, 34).map((photo, i) => wrongLabel(photo, next(photo), i / 100, photos)),
      copyOf(small, photos.find(({ file }) => file === "Golf/10.jpg")!),
      { ...dark(doubtful[35]!), loss: 9 },
    ]);
    browser = await engine.launch({ executablePath: chromium!, args: ["--no-sandbox"] });
    review = await start();
    page = await open();
  }, PATIENCE * 3);
  afterAll(async () => {
    await browser?.close();
    await review?.end("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });

  test("thirty photos by keys, each on the disk before the next one shows", async () => {
    const keys = ["Enter", "k", "x", "1", "3"];
    for (let i = 0; i < 30; i++) {
      expect(await atCurrent()).toBe(i);
      await press(keys[i % keys.length]!);
      expect(lines()).toHaveLength(i + 1);
    }
    const labelled = (file: string, to: string) => (file.startsWith(to) ? `keep ${file}` : `relabel ${file} ${to}`);
    const expected = doubtful.slice(0, 30).map(({ file, label }, i) => {
      const suggested = BALLS[(BALLS.indexOf(label as (typeof BALLS)[number]) + 1) % BALLS.length]!;
      const [accepted, first, third] = [suggested, BALLS[0]!, BALLS[2]!].map((to) => labelled(file, to));
      return [accepted, `keep ${file}`, `exclude ${file}`, first, third][i % keys.length];
    });
    expect(said()).toEqual(expected);
    expect(lines().every(({ who }) => who === "ada")).toBe(true);
    expect([await count("To decide"), await count("Decided"), await count("All")]).toEqual([6, 30, 36]);
  });

  test("undo, one by one and without an end", async () => {
    for (const at of [29, 28, 27]) {
      await press("u");
      expect(await atCurrent()).toBe(at);
    }
    expect(
      lines()
        .slice(30)
        .map(({ action }) => action),
    ).toEqual(["undo", "undo", "undo"]);
    expect(
      lines()
        .slice(30)
        .map(({ step }) => step),
    ).toEqual([29, 28, 27].map((i) => lines()[i]!.step));
    expect([await count("To decide"), await count("Decided")]).toEqual([9, 27]);
  });

  test("filters lose nothing, and a reload comes back to the same place", async () => {
    await page.selectOption("[aria-label=Class]", "Golf");
    await show("Decided");
    const marks = async () => await page.$$eval(".card .mark", (all) => all.map(({ textContent }) => textContent));
    const before = await marks();
    expect(before.length).toBeGreaterThan(3);
    await page.selectOption("[aria-label=Reason]", "copy");
    expect(await marks()).toEqual([]);
    await page.selectOption("[aria-label=Reason]", "");
    expect(await marks()).toEqual(before);
    await page.focus("#grid");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    const at = await current();
    await page.waitForFunction((id) => location.hash.includes("photo=") && id !== null, at);
    await page.waitForTimeout(500);
    await page.reload();
    await page.waitForSelector("[role=option]");
    expect(await current()).toBe(at);
    expect(await marks()).toEqual(before);
    expect(await page.inputValue("[aria-label=Class]")).toBe("Golf");
    await page.selectOption("[aria-label=Class]", "");
    await show("To decide");
    await page.focus("#grid");
    expect([await count("To decide"), await count("Decided")]).toEqual([9, 27]);
  });

  test("a range with Shift is one step, and one undo", async () => {
    await page.keyboard.press("Home");
    await page.keyboard.press("Shift+ArrowRight");
    await page.keyboard.press("Shift+ArrowRight");
    await page.waitForSelector("[aria-selected=true] >> nth=2");
    const before = lines().length;
    await press("k");
    expect(lines()).toHaveLength(before + 3);
    expect(
      new Set(
        lines()
          .slice(before)
          .map(({ step }) => step),
      ).size,
    ).toBe(1);
    expect(await count("To decide")).toBe(6);
    await press("u");
    expect(await count("To decide")).toBe(9);
    await press("a");
    expect(await page.$$("[aria-selected=true]")).toHaveLength(9);
    await press("Escape");
    expect(await page.$$("[aria-selected=true]")).toHaveLength(0);
  });

  test("a key held down decides about one photo", async () => {
    const before = lines().length;
    const heard = await page.textContent("[aria-live]");
    for (let i = 0; i < 4; i++) await page.keyboard.down("k");
    await page.keyboard.up("k");
    await page.waitForFunction((text) => document.querySelector("[aria-live]")?.textContent !== text, heard);
    // Comes after whatever the held key would have sent.
    await press("u");
    expect(
      lines()
        .slice(before)
        .map(({ action }) => action),
    ).toEqual(["keep", "undo"]);
    await page.focus("#grid");
  });

  test("two tabs: each sees the other, and neither decides over what it has not seen", async () => {
    const other = await open();
    const deaf = await browser.newPage();
    deaf.setDefaultTimeout(PATIENCE);
    await deaf.route("**/api/events", (route) => route.abort());
    await deaf.goto(review.address);
    await deaf.waitForSelector("[role=option]");
    await page.keyboard.press("Home");
    const at = await atCurrent();
    expect([await atCurrent(other), await atCurrent(deaf)]).toEqual([at, at]);

    await press("k");
    await other.waitForSelector(`#photo-${at} .mark:has-text("kept")`);
    const before = lines().length;
    await deaf.keyboard.press("x");
    await deaf.waitForSelector("[role=alert]");
    expect(await deaf.textContent("[role=alert]")).toContain("decided about elsewhere");
    expect(await deaf.textContent(`#photo-${at} .mark`)).toBe("kept");
    expect(lines()).toHaveLength(before);
    // Seen now: a second opinion is an opinion.
    await press("x", deaf);
    expect(said().at(-1)).toBe(`exclude ${doubtful[at]!.file}`);
    await page.waitForSelector(`#photo-${at} .mark:has-text("out")`);
    await press("u");
    await deaf.close();
    await other.close();
    expect(await page.textContent(`#photo-${at} .mark`)).toBe("kept");
  });

  test("the server is killed between two decisions, and the tab goes on with the next one", async () => {
    const before = lines().length;
    await press("k");
    const { port } = new URL(review.address);
    await review.end("SIGKILL");
    const at = await atCurrent();
    await page.keyboard.press("x");
    await page.waitForSelector("[role=alert]");
    // Neither lost nor believed: the page stays where it is. What is pressed now is not saved later, unseen.
    await page.keyboard.press("k");
    expect(await atCurrent()).toBe(at);
    expect(lines()).toHaveLength(before + 1);
    // Half a line, as a kill in the middle of a write leaves it.
    await writeFile(join(root, "decisions.jsonl"), '{"at":"2026-11-23T0', { flag: "a" });
    const address = review.address;
    review = await start(port);
    expect(review.address).toBe(address);
    await page.waitForSelector("[role=alert]", { state: "detached" });
    expect(review.said()).toContain("1 line of decisions.jsonl");
    const now = readFileSync(join(root, "decisions.jsonl"), "utf8").trimEnd().split("\n");
    expect(now).toHaveLength(before + 3);
    expect(JSON.parse(now.at(-1)!)).toMatchObject({ action: "exclude", file: doubtful[at]!.file });
    await page.waitForFunction(
      (old) => document.getElementById("grid")?.getAttribute("aria-activedescendant") !== `photo-${old}`,
      at,
    );
  });

  test("a copy beside its original; the original goes instead", async () => {
    await page.selectOption("[aria-label=Reason]", "copy");
    await page.focus("#grid");
    await page.keyboard.press("c");
    await page.waitForSelector("dialog .pair img >> nth=1");
    const focused = () => page.evaluate(() => document.activeElement?.textContent || document.activeElement?.id);
    // Closed by its button, by its key, and over another one: the focus is where it was.
    await page.click("dialog >> text=Close");
    await page.waitForSelector("dialog", { state: "detached" });
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("grid");
    await page.focus(".tools button:last-child");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog.help");
    await page.keyboard.press("?");
    await page.waitForSelector("dialog", { state: "detached" });
    expect(await focused()).toContain("Keys");
    await page.focus("#grid");
    await page.keyboard.press("c");
    await page.waitForSelector("dialog .pair img >> nth=1");
    await page.click("text=Take this one out instead");
    await page.waitForSelector('.card .mark:has-text("kept")');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("grid");
    const text = readFileSync(join(root, "decisions.jsonl"), "utf8").trimEnd().split("\n");
    const [out, kept] = text.slice(-2).map((line) => JSON.parse(line));
    expect(out).toMatchObject({ action: "exclude", file: "Golf/10.jpg", of: doubtful[34]!.sha256 });
    expect(kept).toMatchObject({ action: "keep", file: "Golf/copy.jpg" });
    await page.selectOption("[aria-label=Reason]", "");
  });

  test("axe has nothing to say: the grid, the photo, every dialog, on a phone, in the dark", async () => {
    await show("All");
    const findings = async (where: string) => {
      await page.evaluate(axe.source);
      const found = await page.evaluate(async () => {
        const { axe: inPage } = globalThis as unknown as {
          axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
        };
        return (await inPage.run()).violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
      });
      return found.map((finding) => `${where}: ${finding}`);
    };
    const all: string[] = [];
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 1280, height: 800 });
      await page.focus("#grid");
      await page.keyboard.press("Home");
      await page.waitForSelector(".nearest img");
      all.push(...(await findings(`${colorScheme} grid`)));
      for (const [key, name] of [
        ["?", "help"],
        ["z", "zoom"],
        ["c", "compare"],
      ] as const) {
        if (key === "c") await page.selectOption("[aria-label=Reason]", "copy");
        await page.focus("#grid");
        await page.keyboard.press(key);
        await page.waitForSelector(`dialog.${name}${key === "c" ? " .pair img >> nth=1" : ""}`);
        all.push(...(await findings(`${colorScheme} ${name}`)));
        await page.keyboard.press("Escape");
        await page.waitForSelector("dialog", { state: "detached" });
      }
      await page.selectOption("[aria-label=Reason]", "");
      await page.setViewportSize({ width: 390, height: 844 });
      await page.click("[role=option] >> nth=1");
      await page.waitForSelector(".detail.opened");
      all.push(...(await findings(`${colorScheme} phone`)));
      await page.click("text=All photos");
    }
    expect(all).toEqual([]);
  });

  test("the largest losses first, and again after a reload", async () => {
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.selectOption("[aria-label=Order]", "loss");
    await show("All");
    const worst = '.card.current .line.small:has-text("loss 9.0 · dark")';
    await page.waitForSelector(worst);
    await page.focus("#grid");
    await page.keyboard.press("ArrowRight");
    // -ln 0.02, of the probability of its label.
    await page.waitForSelector('.card.current .line.small:has-text("loss 3.9 · wrong label?")');
    await page.keyboard.press("Home");
    await page.waitForFunction(() => location.hash.includes("order=loss"));
    await page.waitForTimeout(500);
    await page.reload();
    await page.waitForSelector(worst);
    expect(await page.getAttribute(".card.current", "aria-posinset")).toBe("1");
  });

  test("ends with Ctrl-C, and apply does what was decided", async () => {
    expect(await review.end()).toBe(0);
    const { stdout } = await ballsight(["apply", root, "--dry-run"], { cwd: folder });
    expect(stdout).toContain(`${doubtful[0]!.file} -> `);
    expect(stdout).toContain("Golf/10.jpg -> .trash/Golf/10.jpg");
    expect(stdout).not.toContain("Golf/copy.jpg ->");
  });

  test("of twenty thousand photos only those near the window exist, from the first to the last", async () => {
    const many = join(folder, "many");
    const photo = await put(many, "Golf/a.jpg", doubtful[0]!.bytes);
    const gone = Array.from({ length: 20_000 }, (_, i) =>
      dark({ ...photo, file: `Golf/${i}.jpg`, sha256: sha256(Buffer.from([i >> 8, i])) }),
    );
    await writeIssues(many, [dark(photo), ...gone]);
    const another = await startReview(many, join(folder, "cache"));
    const tab = await open(another.address);
    await show("All", tab);
    await tab.focus("#grid");
    for (const key of ["End", "Home", "End"]) {
      await tab.keyboard.press(key);
      await tab.waitForSelector(`#photo-${key === "End" ? 20_000 : 0}`);
      expect((await tab.$$("[role=option]")).length).toBeLessThan(200);
    }
    expect(await tab.getAttribute("#photo-20000", "aria-posinset")).toBe("20001");
    await tab.close();
    expect(await another.end()).toBe(0);
  });
});
