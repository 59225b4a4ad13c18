// The elementary functions against the engine's own, and the rule that nothing else may be used.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { cos, linearFromSrgb, sin, srgbByte } from "../../src/exact.ts";

describe("exact", () => {
  it("agrees with Math.sin and Math.cos", () => {
    for (let x = -40; x < 40; x += 0.0137) {
      expect(Math.abs(sin(x) - Math.sin(x))).toBeLessThan(1e-9);
      expect(Math.abs(cos(x) - Math.cos(x))).toBeLessThan(1e-9);
    }
  });

  it("decodes sRGB as IEC 61966-2-1 says, and encodes every byte back to itself", () => {
    for (let byte = 0; byte < 256; byte++) {
      const c = byte / 255;
      const standard = c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
      expect(linearFromSrgb(c)).toBeCloseTo(standard, 12);
      expect(srgbByte(linearFromSrgb(c))).toBe(byte);
    }
    expect(srgbByte(-1)).toBe(0);
    expect(srgbByte(7)).toBe(255);
  });

  it("leaves no operation in the sources whose rounding the engine may choose", () => {
    const root = fileURLToPath(new URL("../../src", import.meta.url));
    const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
    expect(files.length).toBeGreaterThan(20);
    for (const name of files) {
      const code = readFileSync(join(root, name), "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
      const used = code.match(/Math\.(?![A-Z]|sqrt|floor|round|abs|min|max|imul)\w+|\*\*|Date\.now/g) ?? [];
      expect(used, name).toEqual([]);
    }
  });
});
