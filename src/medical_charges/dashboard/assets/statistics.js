// Student's t and what follows from it, for groups of which only n, sum and m2 are known:
// the number of people, the sum of the measure, the sum of squared deviations from the mean.

const CONFIDENCE_TAIL = 0.025;
const MANY_DEGREES = 200;

/** The natural logarithm of the gamma function, by Lanczos' series (g = 7, nine terms). */
function logGamma(x) {
  const terms = [
    676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406,
    12.507343278686905, -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
  ];
  const z = x - 1;
  const series = terms.reduce((sum, c, i) => sum + c / (z + i + 1), 0.9999999999998099);
  const t = z + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(series);
}

/** The continued fraction of the incomplete beta function, by Lentz' method. */
function betaFraction(x, a, b) {
  const tiny = 1e-300;
  let c = 1;
  let d = 1 / (1 - ((a + b) * x) / (a + 1) || tiny);
  let fraction = d;
  for (let m = 1; m < 500; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + even * d || tiny);
    c = 1 + even / c || tiny;
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + odd * d || tiny);
    c = 1 + odd / c || tiny;
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return fraction;
}

/** The regularized incomplete beta function I_x(a, b). */
function incompleteBeta(x, a, b) {
  const scale = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x),
  );
  return x < (a + 1) / (a + b + 2)
    ? (scale * betaFraction(x, a, b)) / a
    : 1 - (scale * betaFraction(1 - x, b, a)) / b;
}

/** The part of the normal distribution above z, which is one or more, by its continued fraction. */
function normalTail(z) {
  let fraction = z;
  for (let k = 400; k > 0; k -= 1) fraction = z + k / fraction;
  return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI) / fraction;
}

/** Where a falling function of numbers above one has a value. */
function whereFalls(tailOf, value) {
  let [low, high] = [1, 2];
  while (tailOf(high) > value) high *= 2;
  for (let step = 0; step < 64; step += 1) {
    const middle = (low + high) / 2;
    if (tailOf(middle) > value) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

const normalQuantiles = new Map();

/** The value that a normal one exceeds with a probability of at most one in ten. */
function normalQuantile(tail) {
  if (!normalQuantiles.has(tail)) normalQuantiles.set(tail, whereFalls(normalTail, tail));
  return normalQuantiles.get(tail);
}

/** The probability that Student's t is further from zero. */
function studentP(t, freedom) {
  return incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5);
}

/** The critical value of Student's t for one or more degrees of freedom: of 95% on both sides. */
function criticalT(freedom, tail = CONFIDENCE_TAIL) {
  if (freedom >= MANY_DEGREES) {
    // Abramowitz and Stegun 26.7.5: the next term is below 1e-11 of the value from here on.
    const [v, z] = [freedom, normalQuantile(tail)];
    return (
      z +
      (z ** 3 + z) / (4 * v) +
      (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * v ** 2) +
      (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * v ** 3) +
      (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / (92160 * v ** 4)
    );
  }
  return whereFalls((t) => studentP(t, freedom) / 2, tail);
}

/**
 * The figures of a group by their columns' names, less the measure in these; null where there is
 * none. What is not among them, such as a minimum, does not follow from a cube.
 */
function describe({ n, sum, m2 }) {
  // A row may show its people alone.
  const shown = sum !== null;
  const mean = shown && n ? sum / n : null;
  const stddev = shown && n > 1 ? Math.sqrt(m2 / (n - 1)) : null;
  const standard_error = stddev === null ? null : stddev / Math.sqrt(n);
  const margin = stddev === null ? null : criticalT(n - 1) * standard_error;
  const [ci95_low, ci95_high] = stddev === null ? [null, null] : [mean - margin, mean + margin];
  return { patients: n, total: sum, mean, stddev, standard_error, ci95_low, ci95_high };
}

/**
 * The difference of two means with its limits by Welch's t, its test and Hedges' g; null where
 * there are none.
 */
function compare(a, b, tail = CONFIDENCE_TAIL) {
  if (!a.n || !b.n) return null;
  const difference = a.sum / a.n - b.sum / b.n;
  const none = { t: null, df: null, p: null, g: null };
  if (a.n < 2 || b.n < 2 || !(a.m2 || b.m2)) return { difference, low: null, high: null, ...none };
  const [errorA, errorB] = [a, b].map(({ n, m2 }) => m2 / (n - 1) / n);
  const error = errorA + errorB;
  const df = error ** 2 / (errorA ** 2 / (a.n - 1) + errorB ** 2 / (b.n - 1));
  const margin = criticalT(df, tail) * Math.sqrt(error);
  const t = difference / Math.sqrt(error);
  const g = hedges(difference, a.m2 + b.m2, a.n + b.n - 2);
  return { difference, low: difference - margin, high: difference + margin, t, df, p: studentP(t, df), g };
}

/** A difference in pooled deviations, with the exact correction for small samples. */
function hedges(difference, squares, freedom) {
  const correction = Math.exp(logGamma(freedom / 2) - logGamma((freedom - 1) / 2)) / Math.sqrt(freedom / 2);
  return (difference / Math.sqrt(squares / freedom)) * correction;
}
