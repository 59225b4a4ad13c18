// The ten balls, and the words that find the ball rather than the game.

import type { ClassWords } from "./sources/source.ts";

/** Archives match all words of a phrase in titles and tags, where "tennis" alone is players and courts. */
const PHRASES: Readonly<Record<string, readonly string[]>> = {
  Football: ["soccer ball", "association football ball", "football ball", "leather football ball", "soccer ball grass"],
  Basketball: [
    "basketball ball",
    "basketball closeup",
    "orange basketball ball",
    "basketball ball court",
    "basketballs rack",
  ],
  Volleyball: ["volleyball ball", "beach volleyball ball", "volleyball closeup", "volleyball sand ball", "volleyballs"],
  Rugby: ["rugby ball", "rugby union ball", "oval rugby ball", "rugby football ball", "rugby balls"],
  Golf: ["golf ball", "golf ball tee", "golf ball grass", "golf ball macro", "golf balls"],
  Cricket: ["cricket ball", "red cricket ball", "cricket ball seam", "white cricket ball", "cricket balls leather"],
  Tennis: ["tennis ball", "tennis ball closeup", "tennis ball court", "yellow tennis ball", "tennis balls"],
  Bowling: ["bowling ball", "tenpin bowling ball", "bowling ball alley", "bowling balls rack", "bowling balls"],
  Billiards: ["billiard ball", "pool ball", "snooker ball", "billiard balls table", "pool balls"],
  Baseball: ["baseball ball", "baseball ball stitches", "baseball closeup ball", "baseball glove ball", "baseballs"],
};

/** With these words of the web's searches the original photos of this project were found. */
const webWords = (label: string): readonly string[] => [`${label} only balls images`, `${label} ball close up photo`];

export const BALLS: ReadonlyMap<string, ClassWords> = new Map(
  Object.entries(PHRASES).map(([label, phrases]) => [label, { phrases, web: webWords(label) }]),
);
