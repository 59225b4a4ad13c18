// `bench clean-hashes`: copies among synthetic photos; the cost of one more photo among a million beside the cost among ten thousand.

import { Generator } from "@ballsight/vision";
import { HashIndex, Looks, likeness, orientedHashes, sketchOf } from "../internals.ts";
import { wholeNumber } from "../options.ts";
import { print, type Row, rounded, tell } from "../output.ts";

interface HashesOptions {
  readonly photos: string;
  readonly json?: true;
}

const SIDE = 32;
/** Of the photos, that are copies of an earlier one. */
const COPIES = 0.05;
const ALIKE = 0.975;

export async function cleanHashes(options: HashesOptions): Promise<void> {
  const most = wholeNumber("photos", options.photos, 20_000, 10_000_000);
  const sizes = [10_000, 100_000, 1_000_000].filter((size) => size < most).concat(most);
  const results = sizes.map((photos) => {
    tell(`${photos} photos`);
    return { photos, ...cost(photos) };
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

/** Processor time of this thread's work: the clock would count the neighbours' too. */
function cost(photos: number) {
  const random = new Generator({ seed: photos });
  const looks = new Looks(photos);
  const source = new Int32Array(photos).fill(-1);
  const greys = new Uint32Array(photos).map(() => random.u32());
  const began = cpu();
  let made = 0;
  for (let i = 0; i < photos; i++) {
    if (i > 100 && greys[i]! < COPIES * 2 ** 32) source[i] = greys[i]! % i;
    const of = source[i]! === -1 ? i : rootOf(source, i);
    const before = cpu();
    const grey = pictureOf(of, i === of ? 0 : i);
    made += cpu() - before;
    looks.set(i, orientedHashes(grey), sketchOf(grey));
  }
  const hashed = cpu();
  const index = new HashIndex<number>();
  let [met, wrong, planted] = [0, 0, 0];
  for (let i = 0; i < photos; i++) {
    const hashes = looks.hashes(i);
    const found = index.nearest(hashes, undefined, (other) => likeness(looks.sketch(other), looks.sketch(i)) >= ALIKE);
    if (source[i] !== -1) planted += 1;
    if (found === undefined) index.add(i, hashes[0]!);
    else if (source[i] !== -1 && found.value === rootOf(source, i)) met += 1;
    else wrong += 1;
  }
  const searched = cpu();
  const search = (searched - hashed) / photos;
  return {
    search: rounded(search),
    all: rounded((hashed - began - made) / photos + search),
    found: rounded(met / planted),
    wrong,
  };
}

const rootOf = (source: Int32Array, photo: number): number => {
  let at = photo;
  while (source[at] !== -1) at = source[at]!;
  return at;
};

/** Microseconds. */
const cpu = () => process.cpuUsage().user;

/** Eight waves drawn by the photo's number; `noise` is that of a copy. */
function pictureOf(photo: number, noise: number): Float32Array {
  let state = Math.imul(photo + 1, 0x9e3779b9);
  const next = () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
  const grey = new Float32Array(SIDE * SIDE).fill(128);
  for (let wave = 0; wave < 10; wave++) {
    const [u, v, phase, size] = [next() * 0.7, next() * 0.7, next() * 7, 8 + 12 * next()];
    for (let i = 0; i < grey.length; i++) grey[i]! += size * Math.sin(u * (i % SIDE) + v * (i >> 5) + phase);
  }
  if (noise > 0) for (let i = 0; i < grey.length; i++) grey[i]! += ((i * 7 + noise) % 5) - 2;
  return grey;
}
