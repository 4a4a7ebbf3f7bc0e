// The exact binomial test. Tails come from the regularised incomplete beta function, so a million
// packets cost no more than ten.

/**
 * How likely counts at least as extreme as `hits` of `trials` are, if each trial hits with
 * `chance`: twice the smaller tail, at most 1 (the test that inverts to the interval of Clopper
 * and Pearson).
 */
export function binomialTest(hits: number, trials: number, chance: number): number {
  const { below, above } = binomialTails(hits, trials, chance);
  return Math.min(1, 2 * Math.min(below, above));
}

/** P(X <= hits) and P(X >= hits). */
export function binomialTails(
  hits: number,
  trials: number,
  chance: number,
): { readonly below: number; readonly above: number } {
  if (chance <= 0) return { below: 1, above: hits > 0 ? 0 : 1 };
  if (chance >= 1) return { below: hits < trials ? 0 : 1, above: 1 };
  return {
    below: hits >= trials ? 1 : regularisedBeta(1 - chance, trials - hits, hits + 1),
    above: hits <= 0 ? 1 : regularisedBeta(chance, hits, trials - hits + 1),
  };
}

/** I_x(a, b) by its continued fraction (DLMF 8.17.22), on the side where it converges fast. */
function regularisedBeta(x: number, a: number, b: number): number {
  if (x > (a + 1) / (a + b + 2)) return 1 - regularisedBeta(1 - x, b, a);
  const front = Math.exp(
    lnGamma(a + b) - lnGamma(a) - lnGamma(b) + a * Math.log(x) + b * Math.log1p(-x),
  );
  return (front * betaFraction(x, a, b)) / a;
}

/** 1/(1 + d1/(1 + d2/(1 + ...))), evaluated by the modified Lentz method. */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const nonzero = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / nonzero(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m < 100_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonzero(1 + even * d);
    c = nonzero(1 + even / c);
    value *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonzero(1 + odd * d);
    c = nonzero(1 + odd / c);
    value *= c * d;
    if (Math.abs(c * d - 1) < 1e-13) break;
  }
  return value;
}

/** Stirling's series (DLMF 5.11.1) above 10, good for 13 digits there; below by recurrence. */
function lnGamma(z: number): number {
  let shift = 0;
  let at = z;
  while (at < 10) {
    shift -= Math.log(at);
    at += 1;
  }
  const inverse = 1 / (at * at);
  const series =
    (1 / 12 -
      inverse * (1 / 360 - inverse * (1 / 1_260 - inverse * (1 / 1_680 - inverse * (1 / 1_188))))) /
    at;
  return shift + (at - 0.5) * Math.log(at) - at + Math.log(2 * Math.PI) / 2 + series;
}
