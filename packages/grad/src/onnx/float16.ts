// IEEE 754 half precision, for weights that are stored in half the bytes and widened when a model is loaded.

const view = new DataView(new ArrayBuffer(4));

/** Rounds to the nearest half, ties to even; beyond 65504 to infinity. */
export function float16Bits(value: number): number {
  view.setFloat32(0, value);
  const bits = view.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200);
  const e = exponent - 127 + 15;
  if (e >= 31) return sign | 0x7c00;
  if (e >= 1) return sign | roundShift((e << 23) | fraction, 13);
  // Below 2^-14 halves are subnormal: the leading one is written out and shifted down.
  return e < -10 ? sign : sign | roundShift(fraction | 0x800000, 14 - e);
}

/** bits / 2^shift, ties to even; a carry out of the fraction raises the exponent, as it should. */
function roundShift(bits: number, shift: number): number {
  const kept = bits >>> shift;
  const rest = bits & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept;
}
