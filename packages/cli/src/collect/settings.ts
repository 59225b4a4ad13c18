// The options of `ballsight collect`, checked before anything is asked of anybody.

import { fail } from "@ballsight/vision";
import { ballClasses, distinctClasses, readClasses, sameClass, type WantedClass, wordsOf } from "./classes.ts";
import { LICENSE_FILTERS, type LicenseFilter } from "./licenses.ts";
import { isStatus, STATUSES, type Status } from "./photo.ts";
import { PhotoFolder } from "./sources/photoFolder.ts";
import { UrlLists } from "./sources/urlList.ts";

/** As commander hands them over. */
export interface CollectOptions {
  readonly out?: string;
  readonly classes?: string;
  readonly perClass?: string;
  readonly source?: string;
  readonly urls?: readonly string[];
  readonly from?: string;
  readonly license?: string;
  readonly retry?: string;
  readonly minSide?: string;
  readonly parallel?: string;
  readonly perHost?: string;
  readonly contact?: string;
  readonly robots?: true;
  readonly ignoreOptOut?: true;
  readonly sheet?: string | true;
  readonly redis?: string;
  readonly json?: true;
}

export const SERVICES = ["openverse", "wikimedia", "duckduckgo"] as const;
export type ServiceName = (typeof SERVICES)[number];
const SOURCES = [...SERVICES, "urls", "folder"] as const;
type SourceName = (typeof SOURCES)[number];

export interface CollectSettings {
  readonly out: string;
  readonly classes: readonly WantedClass[];
  readonly perClass: number;
  /** In the order in which they are asked. */
  readonly services: readonly ServiceName[];
  readonly local: readonly (UrlLists | PhotoFolder)[];
  readonly license: LicenseFilter;
  readonly retry: ReadonlySet<Status>;
  readonly minSide: number;
  /** Downloads at a time; with workers, photos that they have at a time. */
  readonly parallel: number;
  readonly perHost: number;
  readonly contact: string;
  readonly robots: boolean;
  readonly ignoreOptOut: boolean;
  /** The class whose photos are shown, or true for some of each. */
  readonly sheet: string | true | undefined;
  /** Labels of lists and folders that are none of the classes. */
  readonly unused: readonly string[];
}

/** Those that know each photo's licence. */
const DEFAULT_SOURCES = "openverse,wikimedia";
/** Of downloads at a time, and with workers: twelve of them with four shards of 24 each. */
const PARALLEL = { alone: { usual: 32, most: 256 }, workers: { usual: 1152, most: 65_536 } };
/** From and to. */
export const RANGES = { minSide: [1, 10_000], perHost: [1, 64] } as const;
const DEFAULT_CONTACT = "https://www.npmjs.com/package/ballsight";

/** @throws BAD_OPTION, FILE_NOT_FOUND, FILE_NOT_READABLE, IS_A_FOLDER, DATA_NOT_A_FOLDER, NO_PHOTOS */
export async function collectSettings(options: CollectOptions): Promise<CollectSettings> {
  const { out, urls = [], from } = options;
  if (out === undefined) fail("BAD_OPTION", { option: "--out", expected: "a folder", received: "nothing" });
  const hasLists = urls.length > 0;
  const named = options.source === undefined ? undefined : sourceNames(options.source);
  // Whoever names a list or a folder alone wants what is in it.
  const names = named ?? (hasLists || from !== undefined ? [] : sourceNames(DEFAULT_SOURCES));
  if (names.includes("urls") && !hasLists) missing("--urls", "a list for --source urls");
  if (names.includes("folder") && from === undefined) missing("--from", "a folder for --source folder");
  const services = SERVICES.filter((name) => names.includes(name)).sort((a, b) => names.indexOf(a) - names.indexOf(b));
  const license = oneOf("--license", options.license ?? "any", LICENSE_FILTERS);
  if (license !== "any" && services.includes("duckduckgo")) {
    const expected = "any with --source duckduckgo, which knows no licences,";
    fail("BAD_OPTION", { option: "--license", expected, received: license });
  }
  const retry = statuses(options.retry);
  const perClass = wholeNumber("--per-class", options.perClass ?? "300", 1, 1_000_000);
  const minSide = wholeNumber("--min-side", options.minSide ?? "128", ...RANGES.minSide);
  const { usual, most } = PARALLEL[options.redis === undefined ? "alone" : "workers"];
  const parallel = wholeNumber("--parallel", options.parallel ?? String(usual), 1, most);
  const perHost = wholeNumber("--per-host", options.perHost ?? "2", ...RANGES.perHost);
  const contact = contactOf(options.contact ?? DEFAULT_CONTACT);
  const lists = hasLists ? await UrlLists.read(urls) : undefined;
  const folder = from === undefined ? undefined : await PhotoFolder.read(from);
  const local = [lists, folder].filter((source) => source !== undefined);
  const classes =
    options.classes !== undefined
      ? await readClasses(options.classes)
      : services.length > 0
        ? ballClasses()
        : classesOf(local);
  return {
    out,
    classes,
    perClass,
    services,
    local,
    license,
    retry,
    minSide,
    parallel,
    perHost,
    contact,
    robots: options.robots ?? false,
    ignoreOptOut: options.ignoreOptOut ?? false,
    sheet: sheetOf(options.sheet, classes),
    unused: labelsOf(local).filter((label) => !classes.some((one) => sameClass(one.label, label))),
  };
}

const missing = (option: string, expected: string) => fail("BAD_OPTION", { option, expected, received: "nothing" });

const labelsOf = (local: readonly (UrlLists | PhotoFolder)[]): string[] => [
  ...new Set(local.flatMap((source) => source.labels)),
];

function classesOf(local: readonly (UrlLists | PhotoFolder)[]): WantedClass[] {
  const classes = labelsOf(local).map((label) => ({ label, words: wordsOf(label) }));
  return distinctClasses(classes, "the classes of --urls and --from");
}

function sheetOf(sheet: string | true | undefined, classes: readonly WantedClass[]): string | true | undefined {
  if (typeof sheet !== "string") return sheet;
  const labels = classes.map(({ label }) => label);
  return oneOf("--sheet", labels.find((label) => sameClass(label, sheet)) ?? sheet, labels);
}

function sourceNames(text: string): SourceName[] {
  return text.split(",").map((name) => oneOf("--source", name.trim(), SOURCES));
}

function statuses(text: string | undefined): ReadonlySet<Status> {
  if (text === undefined) return new Set();
  const names = text.split(",").map((name) => name.trim());
  const wrong = names.find((name) => !isStatus(name) || name === "ok");
  if (wrong !== undefined) {
    const known = Object.keys(STATUSES).filter((name) => name !== "ok");
    fail("BAD_OPTION", { option: "--retry", expected: `some of ${known.join(", ")}`, received: wrong });
  }
  return new Set(names as Status[]);
}

function oneOf<T extends string>(option: string, text: string, known: readonly T[]): T {
  const found = known.find((name) => name === text);
  return found ?? fail("BAD_OPTION", { option, expected: `one of ${known.join(", ")}`, received: text });
}

function wholeNumber(option: string, text: string, from: number, to: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= from && value <= to) return value;
  return fail("BAD_OPTION", { option, expected: `a whole number from ${from} to ${to}`, received: text });
}

/** Part of a header: one line of printable ASCII. */
export const isContact = (text: string): boolean =>
  /^https?:\/\/[!-~]+\.[!-~]+$/.test(text) || /^[!-'*-~]+@[!-'*-~]+\.[!-'*-~]+$/.test(text);

function contactOf(text: string): string {
  if (isContact(text)) return text;
  return fail("BAD_OPTION", { option: "--contact", expected: "a mail or web address", received: text });
}
