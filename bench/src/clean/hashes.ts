// `bench clean-hashes`: copies among synthetic photos; the cost of one more photo among a million beside the cost among ten thousand.

import { Generator } from "@ballsight/vision";
import { HashIndex, orientedHashes, sketchOf } from "../internals.ts";
import { wholeNumber } from "../options.ts";
import { print, type Row, rounded, tell } from "../output.ts";

interface HashesOptions {
  readonly photos: string;
  readonly json?: true;
}

const ORIENTATIONS = 8;
const WORDS = 2 * ORIENTATIONS;
/** Of the photos, that are copies of an earlier one. */
const COPIES = 0.05;

export async function cleanHashes(options: HashesOptions): Promise<void> {
  const most = wholeNumber("photos", options.photos, 20_000, 10_000_000);
  const sizes = [10_000, 100_000, 1_000_000].filter((size) => size < most).concat(most);
  const hash = hashing();
  const results = sizes.map((photos) => {
    tell(`${photos} photos`);
    return { photos, ...cost(photos, hash) };
  });
  const [first, last] = [results[0]!, results.at(-1)!];
  const rows: Row[] = [
    ["photos", "search, µs a photo", "hash and search, µs a photo", "copies found", "wrongly"],
    ...results.map(
      ({ photos, search, all, found, wrong }): Row => [
        String(photos),
        search.toFixed(1),
        all.toFixed(1),
        `${(100 * found).toFixed(1)} %`,
        String(wrong),
      ],
    ),
  ];
  print(
    { results, ratio: rounded(last.all / first.all), search_ratio: rounded(last.search / first.search) },
    rows,
    options.json === true,
  );
}

/** Of the eight hashes and the sketch of a photo: the same for each, so a few thousand tell. */
function hashing(): number {
  const random = new Generator({ seed: 1 });
  const greys = Array.from({ length: 3000 }, () => Float32Array.from({ length: 1024 }, () => random.u32() & 255));
  const began = cpu();
  for (const grey of greys) {
    orientedHashes(grey);
    sketchOf(grey);
  }
  return (cpu() - began) / greys.length;
}

function cost(photos: number, hash: number) {
  const random = new Generator({ seed: photos });
  const words = new Uint32Array(photos * WORDS);
  for (let i = 0; i < words.length; i++) words[i] = random.u32();
  const source = new Int32Array(photos).fill(-1);
  for (let i = 100; i < photos; i++) {
    if (!random.chance(COPIES)) continue;
    const from = random.integer(i);
    if (source[from] !== -1) continue;
    source[i] = from;
    // One of its orientations is that of the other photo, but for a few bits.
    const at = i * WORDS + 2 * random.integer(ORIENTATIONS);
    words[at] = words[from * WORDS]! ^ (1 << random.integer(32)) ^ (1 << random.integer(32));
    words[at + 1] = words[from * WORDS + 1]! ^ (1 << random.integer(32)) ^ (1 << random.integer(32));
  }
  const hashesOf = (photo: number) =>
    Array.from({ length: ORIENTATIONS }, (_, way) => {
      const at = photo * WORDS + 2 * way;
      return { high: words[at]!, low: words[at + 1]! };
    });
  const began = cpu();
  const index = new HashIndex<number>();
  let [met, wrong, planted] = [0, 0, 0];
  for (let i = 0; i < photos; i++) {
    const hashes = hashesOf(i);
    const found = index.nearest(hashes);
    if (source[i] !== -1) planted += 1;
    if (found === undefined) index.add(i, hashes[0]!);
    else if (found.value === source[i]) met += 1;
    else wrong += 1;
  }
  const search = (cpu() - began) / photos;
  return { search: rounded(search), all: rounded(hash + search), found: rounded(met / planted), wrong };
}

/** Microseconds of the processor: the clock would count the neighbours' work too. */
const cpu = () => process.cpuUsage().user;
