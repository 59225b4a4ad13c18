// What a file is by its first bytes, in words: the browser only says whether it could decode it.

export interface FileKind {
  /** Whether it is a photo at all. */
  readonly photo: boolean;
  /** Whether every browser decodes it. */
  readonly everywhere: boolean;
  readonly words: string;
}

const photo = (words: string, everywhere = true): FileKind => ({ photo: true, everywhere, words });
const other = (words: string): FileKind => ({ photo: false, everywhere: false, words });

/** @param head the first 64 bytes, or all where there are fewer */
export function describeBytes(head: Uint8Array): FileKind {
  const latin1 = String.fromCharCode(...head);
  if (latin1.startsWith("\xff\xd8\xff")) return photo("JPEG");
  if (latin1.startsWith("\x89PNG\r\n\x1a\n")) return photo("PNG");
  if (/^GIF8[79]a/.test(latin1)) return photo("GIF");
  if (/^RIFF.{4}WEBP/s.test(latin1)) return photo("WebP");
  if (/^BM.{4}\0\0\0\0/s.test(latin1)) return photo("BMP");
  // The plus signs are BigTIFF's.
  if (/^(II[*+]\0|MM\0[*+])/.test(latin1)) return photo("TIFF", false);
  if (latin1.slice(4, 8) === "ftyp") {
    const brands = latin1.slice(8);
    if (/avi[fs]/.test(brands)) return photo("AVIF", false);
    if (/he[iv][cxms]|mif[12]|msf1/.test(brands)) return photo("HEIC", false);
    return other("a video");
  }
  if (latin1.startsWith("%PDF")) return other("a PDF");
  if (latin1.startsWith("PK\x03\x04")) return other("a zip archive");
  const words = latin1.replace(/^(\xef\xbb\xbf)?\s*/, "").toLowerCase();
  if (/^<svg|^<\?xml/.test(words)) return other("a drawing (SVG or XML)");
  if (/^<(!doctype|html|head|body|script)/.test(words)) return other("a web page");
  return other(/^[\t\n\r\x20-\x7e\x80-\xff]*$/.test(latin1) ? "text" : "something else");
}
