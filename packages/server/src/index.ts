// The door of @ballsight/server.

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
} from "./review/desk.ts";
export { readPage } from "./review/page.ts";
export { type ServedReview, serveReview } from "./review/serve.ts";
