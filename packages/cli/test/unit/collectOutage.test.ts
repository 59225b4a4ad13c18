// When a run stops because nothing answers any more, and when it must not.

import { describe, expect, test } from "vitest";
import { Outage, OutageWatch } from "../../src/collect/outage.ts";
import type { Status } from "../../src/collect/photo.ts";

const times = (count: number, run: (i: number) => void) => {
  for (let i = 0; i < count; i++) run(i);
};
const at = (watch: OutageWatch, host: string, status: Status) => watch.note(`https://${host}/photo.jpg`, status);

describe("OutageWatch", () => {
  test("one host that refuses forty times in a row", () => {
    const watch = new OutageWatch();
    times(39, () => at(watch, "a.example", "rate-limited"));
    expect(() => at(watch, "a.example", "rate-limited")).toThrow(
      new Outage("40 photos in a row gave no answer (rate-limited); stopped, go on later with --retry rate-limited"),
    );
  });

  test("a host that answered and does not any more", () => {
    const watch = new OutageWatch();
    at(watch, "a.example", "ok");
    times(39, () => at(watch, "a.example", "unknown-host"));
    expect(() => at(watch, "a.example", "timeout")).toThrow("--retry unknown-host,timeout");
  });

  test("twenty-five hosts in a row", () => {
    const watch = new OutageWatch();
    times(24, (i) => at(watch, `${i}.example`, "network-error"));
    expect(() => at(watch, "x.example", "network-error")).toThrow("25 hosts in a row");
  });

  test("not a list full of photos of one host that died", () => {
    const watch = new OutageWatch();
    times(1000, () => at(watch, "dead.example", "unknown-host"));
  });

  test("not as long as somebody answers, be it with a no", () => {
    const watch = new OutageWatch();
    for (const answer of ["ok", "dead", "not-image", "too-small", "blocked-optout", "server-error"] as const) {
      times(39, () => at(watch, "a.example", "rate-limited"));
      times(23, (i) => at(watch, `${i}.example`, "timeout"));
      at(watch, "b.example", answer);
    }
  });

  test("what was decided without a question is no answer", () => {
    const watch = new OutageWatch();
    times(39, () => at(watch, "a.example", "rate-limited"));
    for (const status of ["license", "blocked-address"] as const) at(watch, "b.example", status);
    watch.note("file:///photo.jpg", "ok");
    expect(() => at(watch, "a.example", "rate-limited")).toThrow(Outage);
  });
});
