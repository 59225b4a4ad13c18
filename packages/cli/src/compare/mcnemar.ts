// McNemar's test (1947), exact: whether two networks that answered the same photos can be told apart by them.

/**
 * Two-sided p. Photos that both named right or both wrong say nothing; of the others each is a coin's toss if the networks
 * are equally good, so the smaller count is binomial with n = a + b and one half. 1 where they never differ.
 * @param onlyFirst photos that the first alone named right
 * @param onlySecond photos that the second alone named right
 */
export function mcnemarExact(onlyFirst: number, onlySecond: number): number {
  const n = onlyFirst + onlySecond;
  const few = Math.min(onlyFirst, onlySecond);
  // Logarithms, as 2^-n alone is 0 from 1,075 photos on.
  let log = -n * Math.LN2;
  for (let k = 1; k <= few; k++) log += Math.log((n - k + 1) / k);
  // From the largest term down: C(n, k - 1) / C(n, k) = k / (n - k + 1).
  let sum = 0;
  let ratio = 1;
  for (let k = few; k >= 0; k--) {
    sum += ratio;
    ratio *= k / (n - k + 1);
  }
  return Math.min(1, 2 * sum * Math.exp(log));
}
