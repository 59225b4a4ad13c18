// The second door of @ballsight/server: photos from bytes and files, for programs without HTTP, which it does not load.

export { decode, decodeFile, loadSharp, type PhotoLimits, readPhoto } from "./decode.ts";
export { readPhotoFile, readStream } from "./readFile.ts";
export { sniff } from "./sniff.ts";
