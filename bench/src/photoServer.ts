// A process that serves as many different small photos as it is told to, each a while after it was asked for.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { drawnPhoto } from "./drawn.ts";

export interface PhotoServerData {
  readonly photos: number;
  readonly latencyMs: number;
}

/** Drawn, then ready. */
export type PhotoServerMessage = { readonly drawn: number } | { readonly port: number; readonly bytes: number };

const { photos, latencyMs } = JSON.parse(process.argv[2]!) as PhotoServerData;
process.on("disconnect", () => process.exit());
const AHEAD = 4;

const drawn: Buffer[] = [];
for (let i = 0; i < photos; i += AHEAD) {
  drawn.push(
    ...(await Promise.all(Array.from({ length: Math.min(AHEAD, photos - i) }, (_, k) => drawnPhoto(i + k, 160, 144)))),
  );
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
