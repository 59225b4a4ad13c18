// A server of one file on this machine, with ranges and validators, that can be told to misbehave.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface FileServer {
  readonly url: string;
  /** What was asked for so far: path and the headers of a continued download. */
  readonly requests: { path: string; range: string | undefined; ifRange: string | undefined }[];
  file: Uint8Array;
  headers: Record<string, string>;
  /** Ends the connection after so many bytes of the answer's body. */
  cutAfter: number;
  /** Answers in place of serving the file. */
  answer: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  close(): Promise<void>;
}

export async function fileServer(file: Uint8Array): Promise<FileServer> {
  const server = createServer((request, response) => {
    const { range, "if-range": ifRange } = request.headers;
    state.requests.push({ path: request.url ?? "", range, ifRange: ifRange as string | undefined });
    if (state.answer !== undefined) state.answer(request, response);
    else serve(request, response);
  });
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    const { file, headers } = state;
    const validator = headers.etag ?? headers["last-modified"];
    const from = /^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1];
    const begin = from !== undefined && request.headers["if-range"] === validator ? Number(from) : 0;
    if (begin >= file.length) {
      response.writeHead(416, { ...headers, "content-range": `bytes */${file.length}` }).end();
      return;
    }
    const range = begin > 0 ? { "content-range": `bytes ${begin}-${file.length - 1}/${file.length}` } : {};
    const body = file.subarray(begin);
    response.writeHead(begin > 0 ? 206 : 200, { ...headers, ...range, "content-length": body.length });
    // Late, so that what was written has arrived: a closed connection takes what lies in its buffers along.
    if (state.cutAfter < body.length)
      response.write(body.subarray(0, state.cutAfter), () => void setTimeout(() => response.destroy(), 150));
    else response.end(body);
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const state: FileServer = {
    url: `http://127.0.0.1:${port}/models`,
    requests: [],
    file,
    headers: { etag: '"one"' },
    cutAfter: Number.POSITIVE_INFINITY,
    answer: undefined,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return state;
}
