// A process that serves as many different small photos as it is told to, each a while after it was asked for.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { loadSharp } from "./internals.ts";

export interface PhotoServerData {
  readonly photos: number;
  readonly latencyMs: number;
}

/** Drawn, then ready. */
export type PhotoServerMessage = { readonly drawn: number } | { readonly port: number; readonly bytes: number };

const { photos, latencyMs } = JSON.parse(process.argv[2]!) as PhotoServerData;
process.on("disconnect", () => process.exit());
const AHEAD = 4;

const sharp = await loadSharp();
const drawn: Buffer[] = [];
for (let i = 0; i < photos; i += AHEAD) {
  drawn.push(...(await Promise.all(Array.from({ length: Math.min(AHEAD, photos - i) }, (_, k) => draw(i + k)))));
  if (i % 100 === 0) tell({ drawn: i });
}
const server = createServer((request, response) => {
  const photo = drawn[Number(/\d+/.exec(request.url ?? "")?.[0])];
  setTimeout(() => {
    if (photo === undefined) response.writeHead(404).end();
    else response.writeHead(200, { "content-type": "image/jpeg", "content-length": photo.length }).end(photo);
  }, latencyMs);
});
server.listen(0, "127.0.0.1", () => {
  const bytes = drawn.reduce((sum, { length }) => sum + length, 0) / photos;
  tell({ port: (server.address() as AddressInfo).port, bytes });
});

function tell(message: PhotoServerMessage): void {
  process.send?.(message);
}

/** Smooth random colours of 160 x 144 pixels: no two look alike to a perceptual hash. */
async function draw(id: number): Promise<Buffer> {
  let state = (Math.imul(id + 1, 0x9e3779b1) ^ 0x5bd1e995) >>> 0;
  const data = Uint8Array.from({ length: 9 * 8 * 3 }, () => {
    // xorshift32 (Marsaglia 2003)
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 24;
  });
  return await sharp(data, { raw: { width: 9, height: 8, channels: 3 } })
    .resize(160, 144, { fit: "fill", kernel: "cubic" })
    .jpeg({ quality: 80 })
    .toBuffer();
}
