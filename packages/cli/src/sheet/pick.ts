// Which photos a contact sheet shows.

export interface SheetPhoto {
  /** Relative to the data set's folder, forward slashes. */
  readonly file: string;
  readonly label: string;
}

export interface SheetClass {
  readonly label: string;
  /** Photos of the class, of which `photos` are shown. */
  readonly total: number;
  readonly photos: readonly SheetPhoto[];
}

/** At most `most` of each class, evenly spread over the list: the same ones each time, and from each of its sources. */
export function pickPhotos(photos: readonly SheetPhoto[], most: number): SheetClass[] {
  const classes = new Map<string, SheetPhoto[]>();
  for (const photo of photos) {
    const list = classes.get(photo.label);
    if (list === undefined) classes.set(photo.label, [photo]);
    else list.push(photo);
  }
  return [...classes].map(([label, all]) => {
    const count = Math.min(most, all.length);
    return {
      label,
      total: all.length,
      photos: Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]!),
    };
  });
}
