// Faults planted by seed: copies that were re-encoded, mirrored, cropped or brightened, blurred and dark photos, pictures of something else.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Generator } from "@ballsight/vision";
import { loadSharp } from "../internals.ts";
import { strangerSvg } from "./strangers.ts";

type Sharp = ReturnType<Awaited<ReturnType<typeof loadSharp>>>;

export const COPIES = ["re-encoded", "mirrored", "cropped", "brightened"] as const;
export const SPOILT = ["blurred", "dark"] as const;
export type Fault = (typeof COPIES)[number] | (typeof SPOILT)[number] | "unrelated";

export interface Planted {
  readonly fault: Fault;
  /** Relative to the folder that it was planted in. */
  readonly file: string;
  /** Into the photos; that of something else has none. */
  readonly source?: number;
}

export interface Sound {
  /** Absolute. */
  readonly path: string;
  readonly label: string;
}

/** Shares of the photos. */
const SHARE = { copies: 0.05, spoilt: 0.02, unrelated: 0.01 } as const;
/** Of the copies, so many lie under another class. */
const CONFLICTS = 0.2;

/** Writes the planted photos into class folders of `root`. A blurred or dark one takes the place of its source, a copy lies beside it. */
export async function plant(root: string, photos: readonly Sound[], seed: number): Promise<Planted[]> {
  const random = new Generator({ seed, stream: 7 });
  const sharp = await loadSharp();
  const labels = [...new Set(photos.map(({ label }) => label))];
  for (const label of labels) await mkdir(join(root, label), { recursive: true });
  const order = random.permutation(photos.length);
  const planted: Planted[] = [];
  let next = 0;
  const write = async (fault: Fault, label: string, picture: Sharp, source?: number) => {
    const file = `${label}/${fault}-${String(planted.length).padStart(5, "0")}.jpg`;
    const quality = fault === "re-encoded" ? 40 + random.integer(50) : 88;
    await writeFile(join(root, file), await picture.jpeg({ quality }).toBuffer());
    planted.push({ fault, file, ...(source !== undefined && { source }) });
  };
  for (const fault of [...COPIES, ...SPOILT]) {
    const isCopy = (COPIES as readonly string[]).includes(fault);
    const count = Math.round((isCopy ? SHARE.copies : SHARE.spoilt) * photos.length);
    for (let i = 0; i < count; i++) {
      const source = order[next++]!;
      const { path, label } = photos[source]!;
      const picture = sharp(await readFile(path)).autoOrient();
      const { info } = await picture.toBuffer({ resolveWithObject: true });
      const elsewhere = isCopy && random.chance(CONFLICTS);
      const under = elsewhere ? other(labels, label, random) : label;
      await write(fault, under, spoil(fault, picture, info.width, info.height, random), source);
    }
  }
  for (let i = 0; i < Math.round(SHARE.unrelated * photos.length); i++) {
    const label = labels[random.integer(labels.length)]!;
    await write("unrelated", label, sharp(Buffer.from(strangerSvg(i))).flatten());
  }
  return planted;
}

function spoil(fault: Fault, picture: Sharp, width: number, height: number, random: Generator): Sharp {
  const long = Math.max(width, height);
  switch (fault) {
    case "re-encoded":
      return picture.resize(Math.max(32, Math.round(width * random.uniform(0.5, 1))));
    case "mirrored":
      return picture.flop();
    case "cropped": {
      const [w, h] = [width, height].map((side) => Math.round(side * random.uniform(0.7, 0.9))) as [number, number];
      const [left, top] = [random.integer(width - w + 1), random.integer(height - h + 1)];
      return picture.extract({ left, top, width: w, height: h });
    }
    case "brightened":
      return picture.linear(random.uniform(1.1, 1.4), random.uniform(0, 20));
    case "blurred":
      return picture.blur(Math.max(0.5, long * random.uniform(0.02, 0.05)));
    case "dark":
      return picture.linear(random.uniform(0.08, 0.28), 0);
    case "unrelated":
      return picture;
  }
}

function other(labels: readonly string[], label: string, random: Generator): string {
  const others = labels.filter((one) => one !== label);
  return others[random.integer(others.length)]!;
}
