// @ballsight/vision: image classifiers on @ballsight/grad.

export { BallsightError, ERRORS, type ErrorCode, type ErrorValues, type FailOptions, fail } from "./errors.ts";
