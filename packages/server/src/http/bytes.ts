// Large bodies out of memory that is there anyway.

const PIECE = 64 * 1024;

/**
 * A stream of views, made as fast as the client reads. A Response of the bytes themselves would copy them, once for each client:
 * a thousand who ask for the model and never read it would fill the memory.
 */
export function bytesBody(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream(
    {
      pull: (controller) => {
        if (at < bytes.byteLength) controller.enqueue(bytes.subarray(at, at + PIECE));
        at += PIECE;
        if (at >= bytes.byteLength) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}
