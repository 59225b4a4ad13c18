// A server with a model that names the brightest channel, and photos for it.

import { type RunningServer, type ServerOptions, startServer } from "@ballsight/server";
import sharp from "sharp";
import { toyModel } from "../../../vision/test/helpers/toyModel.ts";

/** The compiled package: worker threads need JavaScript. */
export async function startToy(options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  return startServer({
    model: { name: "models/toy.onnx", read: async () => toyModel() },
    port: 0,
    workers: 2,
    log: () => undefined,
    ...options,
  });
}

const COLOURS = { Red: [220, 20, 30], Green: [20, 200, 40], Blue: [30, 40, 210] } as const;
export type Colour = keyof typeof COLOURS;

export function plain(label: Colour, width = 64, height = 48) {
  const [r, g, b] = COLOURS[label];
  return sharp({ create: { width, height, channels: 3, background: { r, g, b } } });
}

export const png = async (label: Colour): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await plain(label).png().toBuffer());

export const dataUrl = (bytes: Uint8Array, type = "image/png"): string =>
  `data:${type};base64,${Buffer.from(bytes).toString("base64")}`;

/** POST of JSON; the answer's status and body. */
export async function post(url: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}
