/**
 * The cumulative distribution of the standard normal: Graeme West's double-precision form of Hart's algorithm ("Better
 * approximations to cumulative normal functions", Wilmott 2005); right to about 1e-15.
 */
export function normalCdf(x: number): number {
  const z = Math.abs(x);
  let tail = 0;
  if (z <= 37) {
    const e = Math.exp(-(z * z) / 2);
    if (z < 7.07106781186547) {
      const up =
        ((((((0.0352624965998911 * z + 0.700383064443688) * z + 6.37396220353165) * z + 33.912866078383) * z +
          112.079291497871) *
          z +
          221.213596169931) *
          z +
          220.206867912376) *
        e;
      const down =
        ((((((0.0883883476483184 * z + 1.75566716318264) * z + 16.064177579207) * z + 86.7807322029461) * z +
          296.564248779674) *
          z +
          637.333633378831) *
          z +
          793.826512519948) *
          z +
        440.413735824752;
      tail = up / down;
    } else {
      tail = e / ((z + 1 / (z + 2 / (z + 3 / (z + 4 / (z + 0.65))))) * 2.506628274631);
    }
  }
  return x > 0 ? 1 - tail : tail;
}

/** Its inverse, by bisection of `normalCdf`; within ±38, which is where double precision ends. */
export function normalQuantile(p: number): number {
  if (!(p > 0)) return Number.NEGATIVE_INFINITY;
  if (!(p < 1)) return Number.POSITIVE_INFINITY;
  let [low, high] = [-38, 38];
  for (let n = 0; n < 100 && low < high; n++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (normalCdf(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
