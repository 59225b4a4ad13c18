// A contact sheet: the photos of a data set on one page that asks nothing of the network.

import { join } from "node:path";
import { fail } from "@ballsight/vision";
import { aheadOf } from "../images/aheadOf.ts";
import { thumbnailOf } from "../images/thumbnail.ts";
import { programName } from "../output/version.ts";
import type { Html } from "../report/html.ts";
import { type Headline, headline, renderPage } from "../report/page.ts";
import { kindOf } from "../report/place.ts";
import { writeAtomic } from "../run/writeAtomic.ts";
import { classSection, type Tile } from "./page.ts";
import { pickPhotos, type SheetPhoto } from "./pick.ts";

/** What the page's title says behind the data set's name. */
const SHEET_KIND = "contact sheet";

/** @throws BAD_OPTION where there is a file of that name that is no sheet: better now than after minutes */
export async function expectSheet(option: string, path: string): Promise<void> {
  const kind = await kindOf(path);
  if (kind === undefined || kind === SHEET_KIND) return;
  fail("BAD_OPTION", {
    option,
    expected: "a new file or an earlier sheet",
    received: `${path}, which is another one`,
  });
}

/** Of each class where all are shown, and of one where it alone is: some 5 kB each. */
const MOST_OF_EACH = 24;
const MOST_OF_ONE = 600;

/** Thumbnails in the making at a time. */
const AHEAD = 4;

export interface SheetOptions {
  /** The data set's folder. */
  readonly dir: string;
  /** The file to write. */
  readonly out: string;
  /** This class alone, with up to 600 of its photos; undefined: 24 of each. */
  readonly label?: string | undefined;
  /** Photos that can be shown, in the order of their names. */
  readonly photos: readonly SheetPhoto[];
  readonly title: string;
  readonly figures: Headline["figures"];
  readonly remarks?: Headline["remarks"];
  /** Between the headline and the photos. */
  readonly sections?: readonly Html[];
}

/** @throws RUN_NOT_WRITABLE, DISK_FULL */
export async function writeSheet(options: SheetOptions): Promise<void> {
  const { dir, out, label, photos, title, figures, remarks = [], sections = [] } = options;
  const chosen = label === undefined ? photos : photos.filter((photo) => photo.label === label);
  const parts: Html[] = [];
  for (const { label: name, total, photos } of pickPhotos(chosen, label === undefined ? MOST_OF_EACH : MOST_OF_ONE)) {
    parts.push(
      classSection(
        name === "" ? "Beside the class folders" : name,
        total,
        await tilesOf(
          dir,
          photos.map(({ file }) => file),
        ),
      ),
    );
  }
  const top = headline({
    kind: "Contact sheet",
    title,
    program: programName(),
    finishedAt: new Date().toISOString(),
    figures,
    remarks,
  });
  await writeAtomic(out, renderPage(title, SHEET_KIND, [top, ...sections, ...parts]));
}

/** Small pictures of photos, a few in the making at a time. */
export async function tilesOf(dir: string, files: readonly string[]): Promise<Tile[]> {
  const tiles: Tile[] = [];
  for await (const { item: file, outcome } of aheadOf(files, AHEAD, (file) => thumbnailOf(join(dir, file)))) {
    tiles.push({ file, thumbnail: outcome.status === "fulfilled" ? outcome.value : undefined });
  }
  return tiles;
}
