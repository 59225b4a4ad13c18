// What all figures are taken from.

/** RGB, row by row, uint8 [height, width, 3]. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}
