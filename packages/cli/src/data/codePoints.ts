// Order of names by Unicode code point: the same on every machine, whatever its file system and locale.

/**
 * For `sort`. JavaScript's own order compares UTF-16 units, which puts an emoji (surrogates, U+D83C) before a
 * full-width letter (U+FF21); Python's `sorted` compares code points, and the splits must agree with it.
 */
export function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

// Surrogates stand for code points above U+FFFF, so they rank above every other unit.
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
