// The door of @ballsight/server: the HTTP server. Photos from bytes and files have a door of their own, `@ballsight/server/photos`.

export type { ModelSource, ServedModel } from "./pool/pool.ts";
export { type RunningServer, type ServerOptions, startServer } from "./server.ts";
