// What a server's headers say against the use of a photo for training.

/** Without an agent, for all (`*`) or for this program: img2dataset's list. */
const DIRECTIVES: ReadonlySet<string> = new Set(["noai", "noimageai", "noindex", "noimageindex"]);
const AGENTS: ReadonlySet<string> = new Set(["", "*", "ballsight"]);

export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** The header that asks to be left out, or undefined. */
export function optOut(headers: Headers): string | undefined {
  for (const line of valuesOf(headers, "x-robots-tag")) {
    if (robotsTag(line)) return `X-Robots-Tag: ${line}`;
  }
  // TDM Reservation Protocol (W3C community group): 1 reserves text and data mining.
  if (valuesOf(headers, "tdm-reservation").some((value) => value.trim() === "1")) return "TDM-Reservation: 1";
  const signal = valuesOf(headers, "content-signal").find((value) => /(?:^|[\s,;])ai-train\s*=\s*no\b/i.test(value));
  return signal === undefined ? undefined : `Content-Signal: ${signal}`;
}

/** `noai, noimageai` or `agent: noai`; an agent stands until the next one. */
function robotsTag(line: string): boolean {
  let agent = "";
  for (const part of line.toLowerCase().split(",")) {
    const [, named, directive] = /^\s*(?:([^\s:]+)\s*:)?\s*(.*?)\s*$/.exec(part)!;
    // `unavailable_after: 25 Jun 2027` has a colon of its own.
    if (named !== undefined && named !== "unavailable_after") agent = named;
    if (AGENTS.has(agent) && DIRECTIVES.has(directive!)) return true;
  }
  return false;
}

/** Of a header that may come several times. */
export function valuesOf(headers: Headers, name: string): readonly string[] {
  const value = headers[name];
  return value === undefined ? [] : typeof value === "string" ? [value] : value;
}
