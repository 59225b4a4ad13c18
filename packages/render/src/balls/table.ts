// The ten kinds of ball by the names that the product uses.
import type { BallKind } from "../scene.ts";
import { baseball } from "./baseball.ts";
import { basketball } from "./basketball.ts";
import { billiards } from "./billiards.ts";
import { bowling } from "./bowling.ts";
import { cricket } from "./cricket.ts";
import { football } from "./football.ts";
import { golf } from "./golf.ts";
import { rugby } from "./rugby.ts";
import { tennis } from "./tennis.ts";
import { volleyball } from "./volleyball.ts";

export const kinds = {
  Baseball: baseball,
  Basketball: basketball,
  Billiards: billiards,
  Bowling: bowling,
  Cricket: cricket,
  Football: football,
  Golf: golf,
  Rugby: rugby,
  Tennis: tennis,
  Volleyball: volleyball,
} as const satisfies Record<string, BallKind>;

export type Label = keyof typeof kinds;

/** The ten names in the order of the alphabet, which is the order of the classes. */
export const LABELS = Object.keys(kinds) as readonly Label[];
