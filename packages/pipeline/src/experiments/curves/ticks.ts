/** A step of 1, 2 or 5 times a power of ten that divides `span` into about `count`. */
export function tickStep(span: number, count: number): number {
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= rough * (1 - 1e-9)) ?? 10 * power;
}

/** Round numbers from 0 to `high`, about `count` of them. @param high above 0 */
export function ticksTo(high: number, count: number): number[] {
  const step = tickStep(high, count);
  return Array.from({ length: Math.floor(high / step + 1e-9) + 1 }, (_, i) =>
    Number((i * step).toPrecision(6)),
  );
}
