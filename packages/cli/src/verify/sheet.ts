// The contact sheet of `verify`: what was found, with the photos that are copies side by side, then the classes.

import { basename } from "node:path";
import { classCounts } from "../output/verifyTable.ts";
import { type Html, percent } from "../report/html.ts";
import { countSection, fileSection, type Tile, type Together, togetherSection } from "../sheet/page.ts";
import type { SheetPhoto } from "../sheet/pick.ts";
import { tilesOf, writeSheet } from "../sheet/write.ts";
import { BROKEN, ODD } from "./kinds.ts";
import type { VerifyResult } from "./result.ts";

/** Of each kind of copies. */
const MOST_GROUPS = 60;

export interface VerifySheetOptions {
  readonly result: VerifyResult;
  readonly out: string;
  readonly label: string | undefined;
  readonly photos: readonly SheetPhoto[];
  /** What a file is called now, undefined where it is in the trash. */
  readonly nameOf: (file: string) => string | undefined;
}

export async function writeVerifySheet({ result, out, label, photos, nameOf }: VerifySheetOptions): Promise<void> {
  const isShown = (file: string) => label === undefined || file.normalize("NFC").startsWith(`${label}/`);
  const { near_copies: near } = result;
  const group = async (
    title: string,
    words: string,
    groups: readonly { files: readonly string[]; words: string }[],
  ) => {
    const wanted = groups.filter(({ files }) => files.some(isShown));
    const shown: Together[] = [];
    for (const { files, words } of wanted.slice(0, MOST_GROUPS)) {
      shown.push({ photos: await tiles(result.data, files, nameOf), words });
    }
    return togetherSection(title, words, shown, wanted.length);
  };
  const pairs = (isAcross: boolean) =>
    near
      .filter((copy) => copy.two_classes === isAcross)
      .map((copy) => ({ files: [copy.of, copy.file], words: `${percent(copy.likeness)} alike` }));
  const sections: Html[] = [
    countSection("What was found", classCounts(result)),
    fileSection(
      "Broken",
      result.broken
        .filter(({ file }) => isShown(file))
        .map(({ file, kind, error }) => ({ file, words: `${BROKEN[kind]}: ${error.message}` })),
    ),
    fileSection(
      "Looks wrong to other programs",
      result.odd
        .filter(({ file }) => isShown(file))
        .map(({ file, kinds }) => ({ file, words: kinds.map((kind) => ODD[kind]).join(", ") })),
    ),
    await group(
      "The same photo under two classes",
      "Byte for byte the same: one of the labels is wrong, and a network learns neither.",
      result.two_classes.map((files) => ({ files, words: "the same bytes" })),
    ),
    await group(
      "Nearly the same photo under two classes",
      "Perhaps the same scene, perhaps a copy: look.",
      pairs(true),
    ),
    await group("Near copies", "Scaled, compressed again, mirrored, turned or taken a moment later.", pairs(false)),
    await group(
      "Copies",
      "Byte for byte the same within a class; the first stays where copies are dropped.",
      result.copies.map(({ kept, copies }) => ({ files: [kept, ...copies], words: "the same bytes" })),
    ),
  ];
  const title = label === undefined ? basename(result.data) : `${label} in ${basename(result.data)}`;
  await writeSheet({
    dir: result.data,
    out,
    label,
    photos,
    title,
    figures: [
      [String(result.photos), result.photos === 1 ? "photo" : "photos"],
      [String(result.readable), "readable"],
      [String(result.broken.length), "broken"],
      [String(result.copies.reduce((sum, { copies }) => sum + copies.length, 0)), "copies"],
      [String(near.length), "near copies"],
      [String(result.two_classes.length), "under two classes"],
    ],
    sections,
  });
}

/** Photos that have gone to the trash keep their place, without a picture. */
async function tiles(
  dir: string,
  files: readonly string[],
  nameOf: (file: string) => string | undefined,
): Promise<Tile[]> {
  const now = files.map(nameOf);
  const there = await tilesOf(
    dir,
    now.filter((name) => name !== undefined),
  );
  return files.map((file, i) => ({ file, thumbnail: there.find((tile) => tile.file === now[i])?.thumbnail }));
}
