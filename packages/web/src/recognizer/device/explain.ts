// The part of the worker that comes when the first map is asked for.

export { Explainer } from "@ballsight/vision";
