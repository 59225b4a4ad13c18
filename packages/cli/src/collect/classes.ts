// Which classes are collected and by which words: the ten balls, a list of one's own, or what lists and folders hold.

import { readFile } from "node:fs/promises";
import { fail } from "@ballsight/vision";
import { oneLine } from "../output/text.ts";
import { BALLS } from "./balls.ts";
import { failReading } from "./readable.ts";
import type { ClassWords } from "./sources/source.ts";

export interface WantedClass {
  readonly label: string;
  readonly words: ClassWords;
}

/** The built-in ten. */
export const ballClasses = (): WantedClass[] => [...BALLS].map(([label, words]) => ({ label, words }));

/**
 * One class per line: `Label`, or `Label: words, other words`; empty lines and those that begin with # are left out.
 * @throws FILE_NOT_FOUND, FILE_NOT_READABLE, BAD_OPTION
 */
export async function readClasses(file: string): Promise<WantedClass[]> {
  const text = await readFile(file, "utf8").catch((error: unknown) => failReading(error, file));
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/);
  const wanted = lines.flatMap((line, i) => {
    if (line.trim() === "" || line.trimStart().startsWith("#")) return [];
    const [, name, phrases] = /^([^:]*)(?::(.*))?$/.exec(line)!;
    return [{ label: className(name!, `--classes (${file}, line ${i + 1})`), phrases: splitPhrases(phrases) }];
  });
  return distinctClasses(
    wanted.map(({ label, phrases }) => ({ label, words: phrases.length > 0 ? ownWords(phrases) : wordsOf(label) })),
    `--classes (${file})`,
  );
}

/** Words for a class that is only known by name. */
export function wordsOf(label: string): ClassWords {
  const known = [...BALLS].find(([ball]) => sameClass(ball, label));
  return known?.[1] ?? ownWords([label.replaceAll("_", " "), `${label.replaceAll("_", " ")} photo`]);
}

const ownWords = (phrases: readonly string[]): ClassWords => ({ phrases, web: phrases });

const splitPhrases = (text = ""): string[] =>
  text
    .split(",")
    .map((phrase) => phrase.trim())
    .filter((phrase) => phrase !== "");

/** @throws BAD_OPTION where there is none, or two that are one folder on some file systems */
export function distinctClasses(classes: readonly WantedClass[], option: string): WantedClass[] {
  if (classes.length === 0) fail("BAD_OPTION", { option, expected: "at least one class", received: "none" });
  const twice = classes.find(({ label }, i) => classes.findIndex((other) => sameClass(other.label, label)) < i);
  if (twice !== undefined) {
    fail("BAD_OPTION", { option, expected: "every class once", received: `${twice.label} twice` });
  }
  return [...classes];
}

/** Case apart, as macOS and Windows name folders. */
export const sameClass = (a: string, b: string): boolean => fold(a) === fold(b);
const fold = (label: string): string => label.normalize("NFC").toLowerCase();

/** Names that Windows keeps for itself, with any ending. */
const DEVICES = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;
const MOST_BYTES = 200;

/** Files of a data set, as file systems see them that know no case. */
const OURS = /^(?:metadata\.jsonl|credits\.md|sheet\.html)$/i;

/**
 * A name that is a folder's on every system, of whatever alphabet; NFC.
 * @param option what errors call it
 * @throws BAD_OPTION
 */
export function className(text: string, option: string): string {
  const label = text.trim().normalize("NFC");
  const wrong = wrongWith(label);
  if (!wrong) return label;
  const shown = label.length > 60 ? `${label.slice(0, 60)}…` : label;
  return fail("BAD_OPTION", {
    option,
    expected: "a class name that can be a folder's",
    received: `${wrong} (${oneLine(shown)})`,
  });
}

/** Whether it is what `className` returns. */
export const isClassName = (text: string): boolean => text.trim().normalize("NFC") === text && !wrongWith(text);

function wrongWith(label: string): string | false {
  return (
    (label === "" && "an empty name") ||
    (/[/\\]/.test(label) && "a name with a slash") ||
    (label.startsWith(".") && "a name that begins with a dot") ||
    (label.endsWith(".") && "a name that ends with a dot") ||
    (/[<>:"|?*]/.test(label) && 'a name with one of < > : " | ? *') ||
    (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(label) && "a name with invisible characters") ||
    (DEVICES.test(label) && "a name that Windows keeps for devices") ||
    (OURS.test(label) && "the name of a file beside the class folders") ||
    (Buffer.byteLength(label) > MOST_BYTES && `a name of more than ${MOST_BYTES} bytes`)
  );
}
