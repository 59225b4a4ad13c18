// Which addresses collecting may ask: every spelling of a private one refused, names by what they resolve to.

import type { LookupAddress } from "node:dns";
import { BlockedAddress, guardedLookup, isPublicAddress, refuseUrl } from "@ballsight/server/addresses";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

describe("refuseUrl", () => {
  // As browsers and curl read them; the last ones are other letters that IDNA maps to digits and dots.
  test.each([
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7F.0x0.0x0.0x1",
    "0177.0.0.1",
    "017700000001",
    "0177.0x0.1",
    "127.255.255.254",
    "0",
    "0.0.0.0",
    "%31%32%37.0.0.1",
    "①②⑦.0.0.1",
    "127。0。0。1",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::127.0.0.1]",
    "[2002:7f00:1::]",
    "localhost",
    "LOCALHOST.",
    "a.localhost",
  ])("this machine written as %s", (host) => {
    expect(refuseUrl(new URL(`http://${host}/photo.jpg`))).toMatch(/not public|of this network/);
  });

  test.each([
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[fc00::1]",
    "[fd12:3456::1]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[100::1]",
    "[2001::1]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[5f00::1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "router",
    "printer.local",
    "db.internal",
    "nas.lan",
    "x.home.arpa",
  ])("another machine of this network: %s", (host) => {
    expect(refuseUrl(new URL(`https://${host}/`))).toMatch(/not public|of this network/);
  });

  test.each([
    ["ftp://example.org/a.jpg", "ftp: address"],
    ["file:///etc/passwd", "file: address"],
    ["data:image/png;base64,AAAA", "data: address"],
    ["http://user:word@example.org/", "address with a password"],
    ["http://user@example.org/", "address with a password"],
    ["http://example.org:22/", "port 22"],
    ["https://example.org:8443/", "port 8443"],
  ])("%s", (url, reason) => expect(refuseUrl(new URL(url))).toBe(reason));

  test.each([
    "http://example.org/",
    "https://example.org:443/",
    "http://example.org:80/",
    "https://example.org:80/",
    "https://8.8.8.8/",
    "https://[2606:4700::1111]/",
    "https://xn--bcher-kva.example/",
    "https://localhost.example.org/",
    "https://internal.example.org/",
  ])("lets %s pass", (url) => expect(refuseUrl(new URL(url))).toBeUndefined());

  test("every spelling of every private IPv4 address", () => {
    const part = fc.integer({ min: 0, max: 255 });
    const address = fc.oneof(
      fc.tuple(fc.constant(10), part, part, part),
      fc.tuple(fc.constant(127), part, part, part),
      fc.tuple(fc.constant(192), fc.constant(168), part, part),
      fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 }), part, part),
      fc.tuple(fc.constant(169), fc.constant(254), part, part),
    );
    const bases = fc.array(fc.constantFrom(8, 10, 16), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(address, bases, fc.integer({ min: 1, max: 4 }), (bytes, bases, parts) => {
        const host = spelled(bytes, bases, parts);
        expect(refuseUrl(new URL(`http://${host}/`)), host).toMatch(/not public/);
        expect(refuseUrl(new URL(`http://[::ffff:${bytes.join(".")}]/`))).toMatch(/not public/);
      }),
    );
  });

  test("loopback alone is let through for tests", () => {
    const rules = { allowLoopback: true };
    for (const url of ["http://127.0.0.1:8080/", "http://[::1]:99/", "http://localhost:1/"]) {
      expect(refuseUrl(new URL(url), rules)).toBeUndefined();
    }
    for (const url of ["http://10.0.0.1/", "http://169.254.169.254/", "http://0.0.0.0/", "http://a.local/"]) {
      expect(refuseUrl(new URL(url), rules)).toBeDefined();
    }
  });
});

/** inet_aton's forms: the last of fewer than four parts holds the rest of the bytes. */
function spelled(bytes: readonly number[], bases: readonly number[], parts: number): string {
  const head = bytes.slice(0, parts - 1);
  const rest = bytes.slice(parts - 1).reduce((value, byte) => value * 256 + byte, 0);
  const prefix: Readonly<Record<number, string>> = { 8: "0", 10: "", 16: "0x" };
  return [...head, rest].map((value, i) => prefix[bases[i]!]! + value.toString(bases[i])).join(".");
}

test("what is no address is not public", () => {
  for (const text of ["", "example.org", "1.2.3.4.5", "::g"]) expect(isPublicAddress(text)).toBe(false);
});

describe("guardedLookup", () => {
  const ask = (addresses: readonly string[], all: boolean) =>
    new Promise<unknown>((resolve) => {
      const found = addresses.map((address): LookupAddress => ({ address, family: address.includes(":") ? 6 : 4 }));
      const lookup = guardedLookup({ resolve: (_host, _options, callback) => callback(null, found) });
      lookup("photos.example.org", { all }, (error, address) => resolve(error ?? address));
    });

  test.each(["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fd00::1", "0.0.0.0"])(
    "refuses a name that resolves to %s",
    async (address) => {
      for (const all of [true, false]) {
        const error = await ask([address], all);
        expect(error).toBeInstanceOf(BlockedAddress);
        expect(error).toMatchObject({ message: `photos.example.org resolves to ${address}, which is not public` });
      }
    },
  );

  test("refuses a private address among public ones, wherever it stands", async () => {
    expect(await ask(["8.8.8.8", "10.0.0.1"], true)).toBeInstanceOf(BlockedAddress);
    expect(await ask(["8.8.8.8", "10.0.0.1"], false)).toBeInstanceOf(BlockedAddress);
    expect(await ask([], true)).toBeInstanceOf(BlockedAddress);
  });

  test("hands on the very addresses that it checked", async () => {
    const all = await ask(["8.8.8.8", "2606:4700::1111"], true);
    expect(all).toEqual([
      { address: "8.8.8.8", family: 4 },
      { address: "2606:4700::1111", family: 6 },
    ]);
    expect(await ask(["8.8.8.8"], false)).toBe("8.8.8.8");
  });
});
