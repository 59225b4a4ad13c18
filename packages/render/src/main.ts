// Writes one example picture per ball: node packages/render/dist/main.js --out docs/examples [--size 384]
import { mkdir, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { LABELS, type Label } from "./balls/table.ts";
import { render } from "./render.ts";

// Chosen by eye: the ball is whole, well lit, and shows what names it.
const seeds: Record<Label, number> = {
  Baseball: 3,
  Basketball: 1,
  Billiards: 5,
  Bowling: 1,
  Cricket: 1,
  Football: 7,
  Golf: 5,
  Rugby: 2,
  Tennis: 4,
  Volleyball: 3,
};

/** A reader never sees half a picture: the bytes go to a neighbour first, which then takes the name. */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(`${path}.tmp`, "w");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
}

const { values } = parseArgs({
  options: { out: { type: "string" }, size: { type: "string", default: "384" } },
});
if (values.out === undefined)
  throw new TypeError("expected a folder for `--out` but received nothing; try --out docs/examples");
const size = Number(values.size);
await mkdir(values.out, { recursive: true });
for (const ball of LABELS) {
  const { width, height, data } = render({ ball, size, seed: seeds[ball], variant: 0 });
  const jpeg = await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90, mozjpeg: true })
    .toBuffer();
  const path = join(values.out, `${ball}.jpg`);
  await writeWhole(path, jpeg);
  console.log(`${path}: ${(jpeg.length / 1024).toFixed(1)} KiB`);
}
