// The door of @ballsight/server: the HTTP server, and the back end of the review. Photos from bytes and files have a door of their own, `@ballsight/server/photos`.

export type { ModelSource, ServedModel } from "./pool/pool.ts";
export { reviewApp } from "./review/app.ts";
export type {
  Changes,
  DecideRequest,
  LastStep,
  Neighbour,
  PhotoDetail,
  PhotoFacts,
  PhotoState,
  Review,
  ReviewDecision,
  ReviewDesk,
  ReviewPhoto,
  Suggestion,
  Undone,
} from "./review/desk.ts";
export { readPage } from "./review/page.ts";
export { type ServedReview, serveReview } from "./review/serve.ts";
export { type RunningServer, type ServerOptions, startServer } from "./server.ts";
