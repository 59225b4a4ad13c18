// The door of @ballsight/render: deterministic pictures of the ten balls.
export { LABELS, type Label } from "./balls/table.ts";
export { type Picture, type RenderOptions, render } from "./render.ts";
