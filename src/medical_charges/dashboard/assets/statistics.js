// Student's t and what follows from it, for groups of which only n, sum and m2 are known:
// the number of people, the sum of the measure, the sum of squared deviations from the mean.

const CONFIDENCE_TAIL = 0.025;
const NORMAL_QUANTILE = 1.959963984540054;
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

/** The two-sided 95% critical value of Student's t for one or more degrees of freedom. */
function criticalT(freedom) {
  const z = NORMAL_QUANTILE;
  if (freedom >= MANY_DEGREES) {
    // Abramowitz and Stegun 26.7.5: the next term is below 1e-11 of the value from here on.
    const v = freedom;
    return (
      z +
      (z ** 3 + z) / (4 * v) +
      (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * v ** 2) +
      (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * v ** 3) +
      (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / (92160 * v ** 4)
    );
  }
  let [low, high] = [NORMAL_QUANTILE, 13];
  for (let step = 0; step < 60; step += 1) {
    const t = (low + high) / 2;
    const tail = incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2;
    if (tail > CONFIDENCE_TAIL) low = t;
    else high = t;
  }
  return (low + high) / 2;
}

/**
 * The figures of a group by their columns' names, less the measure in these; null where there is
 * none. What is not among them, such as a minimum, does not follow from a cube.
 */
function describe({ n, sum, m2 }) {
  // A row may show its people alone.
  if (sum === null) return { patients: n, mean: null, stddev: null, ci95_low: null, ci95_high: null };
  const mean = n ? sum / n : null;
  const stddev = n < 2 ? null : Math.sqrt(m2 / (n - 1));
  const margin = n < 2 ? null : (criticalT(n - 1) * stddev) / Math.sqrt(n);
  const [ci95_low, ci95_high] = n < 2 ? [null, null] : [mean - margin, mean + margin];
  return { patients: n, mean, stddev, ci95_low, ci95_high };
}

/** The difference of two means with its 95% limits by Welch's t; null where there are none. */
function compare(a, b) {
  if (!a.n || !b.n) return null;
  const difference = a.sum / a.n - b.sum / b.n;
  if (a.n < 2 || b.n < 2 || !(a.m2 || b.m2)) return { difference, low: null, high: null };
  const [errorA, errorB] = [a, b].map(({ n, m2 }) => m2 / (n - 1) / n);
  const error = errorA + errorB;
  const freedom = error ** 2 / (errorA ** 2 / (a.n - 1) + errorB ** 2 / (b.n - 1));
  const margin = criticalT(freedom) * Math.sqrt(error);
  return { difference, low: difference - margin, high: difference + margin };
}
