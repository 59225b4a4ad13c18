// Numbers and places in words.

import type { HeatMap } from "./device/protocol.ts";

/** 0.8321 as "83.2 %" with a space that does not break. */
export const percent = (share: number): string => `${(100 * share).toFixed(1)}\u00a0%`;

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)}\u00a0MB`;

export function duration(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)}\u00a0ms` : `${(milliseconds / 1000).toFixed(1)}\u00a0s`;
}

/** `photos.example.org`, or what a person calls a server of their own. */
export function hostWords(url: string): string {
  const { host, hostname } = new URL(url);
  const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
  return loopback ? `${host} (a server on this computer)` : host;
}

export const ENGINES = { wasm: "WebAssembly", webgpu: "WebGPU", server: "server" } as const;

/** Of something in a grid, as a person would point: "upper left", "centre". */
export function placeWords(x: number, y: number): string {
  const third = (share: number, names: readonly [string, string, string]) =>
    names[Math.min(2, Math.floor(share * 3))] as string;
  const row = third(y, ["upper", "middle", "lower"]);
  const column = third(x, ["left", "centre", "right"]);
  if (row === "middle") return column === "centre" ? "the centre" : `the ${column}`;
  return column === "centre" ? `the ${row} part` : `the ${row} ${column}`;
}

/** The place of the photo that a map speaks loudest of. */
export function brightest({ values, width, height, area }: HeatMap): string {
  const place = values.indexOf(Math.max(...values));
  const x = area.left + (((place % width) + 0.5) / width) * area.width;
  const y = area.top + ((Math.floor(place / width) + 0.5) / height) * area.height;
  return placeWords(x, y);
}
