// What a file is by its first bytes: names lie, and no loader may be chosen by a name or by libvips alone.

export interface FileKind {
  /** What it is in words, with its article: "a PDF document". */
  readonly words: string;
  /** photo: decoded; picture: an image that is not read; other: no image at all. */
  readonly kind: "photo" | "picture" | "other";
}

const photo = (words: string): FileKind => ({ words, kind: "photo" });
const picture = (words: string): FileKind => ({ words, kind: "picture" });
const other = (words: string): FileKind => ({ words, kind: "other" });

/** Signature as Latin-1 text, its offset, what it means. First match counts. */
const SIGNATURES: readonly (readonly [string, number, FileKind])[] = [
  ["\xff\xd8\xff", 0, photo("a JPEG photo")],
  ["\x89PNG\r\n\x1a\n", 0, photo("a PNG picture")],
  ["GIF87a", 0, photo("a GIF picture")],
  ["GIF89a", 0, photo("a GIF picture")],
  ["WEBP", 8, photo("a WebP picture")],
  ["ftypavi", 4, photo("an AVIF picture")],
  ["II*\0", 0, photo("a TIFF picture")],
  ["MM\0*", 0, photo("a TIFF picture")],
  ["II+\0", 0, photo("a TIFF picture")],
  ["MM\0+", 0, photo("a TIFF picture")],
  ["BM", 0, picture("a BMP picture")],
  ["\0\0\x01\0", 0, picture("an icon (ICO)")],
  ["8BPS", 0, picture("a Photoshop file (PSD)")],
  ["\xff\x0a", 0, picture("a JPEG XL picture")],
  ["JXL \r\n", 4, picture("a JPEG XL picture")],
  ["jP  \r\n", 4, picture("a JPEG 2000 picture")],
  ["%PDF-", 0, picture("a PDF document")],
  ["ftypqt", 4, other("a video")],
  ["ftypisom", 4, other("a video")],
  ["ftypmp4", 4, other("a video")],
  ["\x1aE\xdf\xa3", 0, other("a video")],
  ["PK\x03\x04", 0, other("a ZIP archive")],
  ["\x1f\x8b", 0, other("a gzip archive")],
];

/** HEIF's container holds AV1 (read), HEVC and others (read only where libvips was built with such a decoder). */
const HEIF_BRAND = /^ftyp(?:mif1|msf1|mif2|heic|heix|hevc|hevx|heim|heis)/;

/** Expects the file's first kilobyte or more. */
export function sniff(bytes: Uint8Array): FileKind {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 4096)).toString("latin1");
  for (const [signature, offset, kind] of SIGNATURES) if (head.startsWith(signature, offset)) return kind;
  if (HEIF_BRAND.test(head.slice(4))) return photo(HEIC_WORDS);
  return sniffText(head);
}

/** The one kind whose decoder may be missing. */
export const HEIC_WORDS = "a HEIC/HEIF picture";

function sniffText(head: string): FileKind {
  const text = head.replace(/^\xef\xbb\xbf/, "").trimStart();
  // An SVG may start with an XML declaration, comments and a doctype.
  if (text.startsWith("<") && /<svg[\s/>]/i.test(text)) return picture("an SVG drawing");
  if (/^<(?:!doctype html|html|head|body)/i.test(text)) return other("a web page (HTML)");
  const isText = [...head].every((char) => char >= " " || "\t\n\v\f\r".includes(char));
  return other(isText ? "a text file" : "something else");
}
