// Licences, class names, texts of strangers, credits: what collecting reads and writes, without a network.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ballClasses, className, sameClass, wordsOf } from "../../src/collect/classes.ts";
import { renderCredits } from "../../src/collect/credits.ts";
import { Distinct, lookText, parseLook } from "../../src/collect/distinct.ts";
import { licenseOf, passes } from "../../src/collect/licenses.ts";
import { collectSettings } from "../../src/collect/settings.ts";
import { plainText, webUrl } from "../../src/collect/sources/service.ts";

describe("licences", () => {
  // Openverse's codes with their version, Wikimedia's codes and short names.
  test.each([
    ["by", "2.0", "CC BY 2.0", "https://creativecommons.org/licenses/by/2.0/", ["any", "cc", "commercial"]],
    ["by-sa", "4.0", "CC BY-SA 4.0", "https://creativecommons.org/licenses/by-sa/4.0/", ["any", "cc", "commercial"]],
    ["by-nd", "2.0", "CC BY-ND 2.0", "https://creativecommons.org/licenses/by-nd/2.0/", ["any", "cc", "commercial"]],
    ["by-nc", "2.0", "CC BY-NC 2.0", "https://creativecommons.org/licenses/by-nc/2.0/", ["any", "cc"]],
    ["by-nc-nd", "3.0", "CC BY-NC-ND 3.0", "https://creativecommons.org/licenses/by-nc-nd/3.0/", ["any", "cc"]],
    [
      "cc-by-sa-4.0",
      "",
      "CC BY-SA 4.0",
      "https://creativecommons.org/licenses/by-sa/4.0/",
      ["any", "cc", "commercial"],
    ],
    [
      "CC BY-SA 3.0 de",
      "",
      "CC BY-SA 3.0 DE",
      "https://creativecommons.org/licenses/by-sa/3.0/de/",
      ["any", "cc", "commercial"],
    ],
    [
      "cc0",
      "1.0",
      "CC0 1.0",
      "https://creativecommons.org/publicdomain/zero/1.0/",
      ["any", "cc", "commercial", "public-domain"],
    ],
    [
      "CC0",
      "",
      "CC0 1.0",
      "https://creativecommons.org/publicdomain/zero/1.0/",
      ["any", "cc", "commercial", "public-domain"],
    ],
    [
      "pdm",
      "1.0",
      "PDM 1.0",
      "https://creativecommons.org/publicdomain/mark/1.0/",
      ["any", "cc", "commercial", "public-domain"],
    ],
    ["pd", "", "Public domain", undefined, ["any", "cc", "commercial", "public-domain"]],
    ["Public domain", "", "Public domain", undefined, ["any", "cc", "commercial", "public-domain"]],
    ["GFDL", "", "GFDL", undefined, ["any"]],
    ["Attribution", "", "Attribution", undefined, ["any"]],
    ["sampling+", "1.0", "sampling+", undefined, ["any"]],
    ["cc-by-surprise", "", "cc-by-surprise", undefined, ["any"]],
  ])("%s %s", (text, version, name, url, allows) => {
    const license = licenseOf(text, version)!;
    expect({ name: license.name, url: license.url, allows: [...license.allows] }).toEqual({ name, url, allows });
    // What is written into metadata.jsonl is read back as the same.
    expect(licenseOf(license.name)).toMatchObject({ name, allows: license.allows });
  });

  test("none is none, and passes where any does", () => {
    expect(licenseOf("  ")).toBeUndefined();
    expect(["any", "cc", "commercial", "public-domain"].map((filter) => passes(filter as "any", undefined))).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});

describe("class names", () => {
  test.each(["Football", "Мяч", "球", "كرة", "Ball, small", "naïve 🏐", "a.b", "LPTX"])("%s is one", (name) => {
    expect(className(` ${name} `, "--classes")).toBe(name.normalize("NFC"));
  });

  test.each([
    ["", "an empty name"],
    ["a/b", "a name with a slash"],
    ["a\\b", "a name with a slash"],
    ["..", "a name that begins with a dot"],
    [".trash", "a name that begins with a dot"],
    ["end.", "a name that ends with a dot"],
    ["what?", "a name with one of"],
    ["a\u0000b", "a name with invisible characters"],
    ["a\u202eb", "a name with invisible characters"],
    ["a\u200bb", "a name with invisible characters"],
    ["NUL", "a name that Windows keeps for devices"],
    ["com1.txt", "a name that Windows keeps for devices"],
    ["ü".repeat(101), "a name of more than 200 bytes"],
  ])("%j is none", (name, words) => {
    expect(() => className(name, "--classes")).toThrow(words);
  });

  test("never climbs out of the data set", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        let label: string;
        try {
          label = className(text, "x");
        } catch {
          return;
        }
        expect(label).not.toMatch(/[/\\\0]|^\./);
        expect(label).toBe(className(label, "x"));
      }),
    );
  });

  test("the ten balls, and a word of each for those who name them", () => {
    const balls = ballClasses();
    expect(balls.map(({ label }) => label)).toEqual(
      "Football Basketball Volleyball Rugby Golf Cricket Tennis Bowling Billiards Baseball".split(" "),
    );
    for (const { label, words } of balls) {
      expect(words.web[0]).toBe(`${label} only balls images`);
      expect(words.phrases.length).toBeGreaterThanOrEqual(4);
      expect(wordsOf(label.toLowerCase())).toBe(words);
    }
    expect(wordsOf("Guinea_pig").phrases[0]).toBe("Guinea pig");
    expect(sameClass("Caf\u0065\u0301", "CAFÉ")).toBe(true);
  });
});

test.each([
  ["<a href='x'>Jo &amp; <b>Ann</b></a>", "Jo & Ann"],
  ["a\n\tb\u2028c", "a b c"],
  ["&lt;script&gt;alert(1)&lt;/script&gt;", "<script>alert(1)</script>"],
  ["<style>p{}</style>x<script>y</script>", "x"],
  ["&#65;&#x42;&#0;&#xd800;", "AB&#0;&#xd800;"],
  ["  ", undefined],
  [7, undefined],
])("plainText(%j)", (value, expected) => expect(plainText(value)).toBe(expected));

test("webUrl takes web addresses alone", () => {
  expect(webUrl("https://example.org/a b")).toBe("https://example.org/a%20b");
  for (const value of ["javascript:alert(1)", "file:///etc/passwd", "", null, "//"])
    expect(webUrl(value)).toBeUndefined();
});

describe("credits", () => {
  const row = (file_name: string, values: object = {}) => ({ file_name, ...values });

  test("every author their due, whatever they are called", () => {
    const text = renderCredits([
      row("Golf/b.jpg", {
        title: "](javascript:x) <img src=x>\n# Heading",
        creator: "*A* `b`",
        license: "CC BY 2.0",
        page_url: "https://example.org/<p>",
        source: "openverse",
      }),
      row("Golf/a.jpg", {
        license: "CC0 1.0",
        license_url: "https://creativecommons.org/publicdomain/zero/1.0/",
        creator: "B",
      }),
      row("Rugby/c.jpg", { url: "https://example.org/c.jpg", title: "C" }),
    ]);
    expect(text).toBe(`# Credits

3 photos, found with [Openverse](https://openverse.org).

**1 photo has no known licence: its rights are unknown, so do not publish them.** They are listed at the end.

## Golf

- \`Golf/a.jpg\`: untitled by B, [CC0 1.0](<https://creativecommons.org/publicdomain/zero/1.0/>)
- \`Golf/b.jpg\`: ["\\]\\(javascript:x\\) &lt;img src=x> \\# Heading"](<https://example.org/%3Cp%3E>) by \\*A\\* \\\`b\\\`, CC BY 2.0

## Without a known licence

- \`Rugby/c.jpg\`: ["C"](<https://example.org/c.jpg>)
`);
  });

  test("the same rows in any order make the same file", () => {
    const rows = ["b/1.jpg", "a/2.jpg", "a/1.jpg"].map((name) => row(name, { license: "CC BY 4.0", creator: name }));
    expect(renderCredits([...rows].reverse())).toBe(renderCredits(rows));
  });
});

test("Distinct: bytes first, then looks: near by the hash and alike by the sketch", () => {
  const distinct = new Distinct();
  const sketch = Uint8Array.from({ length: 256 }, (_, i) => (i * 7919) % 251);
  const other = Uint8Array.from({ length: 256 }, (_, i) => (i * i * 31) % 241);
  const look = { hashes: [{ high: 0xdeadbeef, low: 0x00c0ffee }], sketch };
  const near = [{ high: 0xdeadbeee, low: 0x00c0ffee }];
  distinct.add({ file: "a/1.jpg", label: "a" }, "one", look);
  distinct.add({ file: "b/2.jpg", label: "b" }, "two", undefined);
  expect(distinct.copyOf("two", { hashes: [], sketch })).toEqual({ of: { file: "b/2.jpg", label: "b" } });
  expect(distinct.copyOf("three", { hashes: near, sketch: sketch.map((value) => value / 2 + 9) })).toEqual({
    of: { file: "a/1.jpg", label: "a" },
    likeness: expect.closeTo(1, 3),
  });
  expect(distinct.copyOf("three", { hashes: near, sketch: other })).toBeUndefined();
  expect(distinct.copyOf("three", { hashes: [], sketch })).toBeUndefined();
  expect(lookText(look).phash).toBe("deadbeef00c0ffee");
  expect(parseLook(lookText(look))).toEqual(look);
  expect(lookText({ hashes: [], sketch })).toEqual({});
  for (const phash of [undefined, "", "deadbeef", "xeadbeef00c0ffee"]) {
    expect(parseLook({ ...lookText(look), phash })).toBeUndefined();
  }
  expect(parseLook({ phash: "deadbeef00c0ffee", sketch: "AAAA" })).toBeUndefined();
});

test("sources are asked in the order in which they are named", async () => {
  const settings = await collectSettings({ out: "x", source: "wikimedia, openverse" });
  expect(settings.services).toEqual(["wikimedia", "openverse"]);
  expect((await collectSettings({ out: "x" })).services).toEqual(["openverse", "wikimedia"]);
});
