// What libvips may read in a server: photos out of memory, and nothing else.

import type sharp from "sharp";

/**
 * Kinds by their magic bytes are checked before; this is the second lock: no SVG, PDF, ImageMagick or libvips' own format, and no
 * loader that opens files. Holds for the whole process, worker threads included.
 */
export function blockOtherLoaders(library: typeof sharp): void {
  library.block({ operation: ["VipsForeignLoad"] });
  library.unblock({
    operation: [
      "VipsForeignLoadJpegBuffer",
      "VipsForeignLoadPngBuffer",
      "VipsForeignLoadWebpBuffer",
      "VipsForeignLoadNsgifBuffer",
      "VipsForeignLoadHeifBuffer",
      "VipsForeignLoadTiffBuffer",
    ],
  });
}
