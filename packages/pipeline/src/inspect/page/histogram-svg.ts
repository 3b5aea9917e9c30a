import type { ValuesReport } from '../inspect-report.ts';

interface Tissue {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  /** Line on which its name stands, so that neighbours do not meet. */
  readonly line: 0 | 1 | 2;
}

/** Where tissues lie on the Hounsfield scale; contrast medium lifts organs and vessels. */
const tissues: readonly Tissue[] = [
  { name: 'air', low: -1050, high: -950, line: 0 },
  { name: 'lung', low: -900, high: -600, line: 0 },
  { name: 'fat', low: -130, high: -60, line: 0 },
  { name: 'water', low: -10, high: 15, line: 1 },
  { name: 'liver and soft tissue', low: 40, high: 120, line: 2 },
  { name: 'bone', low: 300, high: 1200, line: 0 },
];

const box = { left: 8, right: 712, top: 62, bottom: 206 };
const axisLow = -1100;
const axisHigh = 1300;

/** Histogram of a CT on the Hounsfield scale with the tissues marked; heights are cube roots. */
export function drawHistogram(values: ValuesReport): string {
  const isHU = values.histogram.low <= -1000;
  const low = isHU ? axisLow : values.histogram.low;
  const high = isHU
    ? axisHigh
    : values.histogram.low + values.histogram.binWidth * values.histogram.counts.length;
  const x = (value: number) => box.left + ((value - low) / (high - low)) * (box.right - box.left);
  const { counts, binWidth } = values.histogram;
  const highest = Math.max(1, ...counts);
  // Air outnumbers every tissue: a third root shows both, and keeps peaks that a logarithm would flatten.
  const height = (count: number) => Math.cbrt(count / highest) * (box.bottom - box.top);
  let path = `M${x(low).toFixed(1)} ${box.bottom}`;
  counts.forEach((count, bin) => {
    const from = values.histogram.low + bin * binWidth;
    if (from < low || from + binWidth > high + binWidth / 2) return;
    const y = (box.bottom - height(count)).toFixed(1);
    path += `L${x(from).toFixed(1)} ${y}L${x(from + binWidth).toFixed(1)} ${y}`;
  });
  path += `L${x(high).toFixed(1)} ${box.bottom}Z`;
  const bands = isHU ? tissues.map((tissue) => drawBand(tissue, x)) : [];
  const ticks = tickValues(low, high).map(
    (value) =>
      `<line class="tick" x1="${x(value).toFixed(1)}" y1="${box.bottom}" x2="${x(value).toFixed(1)}" y2="${box.bottom + 4}"/>` +
      `<text class="tick-name" x="${x(value).toFixed(1)}" y="${box.bottom + 17}">${value}</text>`,
  );
  const unit = isHU ? 'Hounsfield units' : 'stored values';
  return (
    `<svg class="histogram" viewBox="0 0 720 242" role="img" aria-label="Histogram of ${unit}">${bands.join('')}` +
    `<path class="counts" d="${path}"/><line class="tick" x1="${box.left}" y1="${box.bottom}" x2="${box.right}" y2="${box.bottom}"/>` +
    `${ticks.join('')}<text class="axis-name" x="${box.right}" y="${box.bottom + 33}">${unit}; heights are cube roots of counts</text></svg>`
  );
}

function drawBand(tissue: Tissue, x: (value: number) => number): string {
  const middle = x((tissue.low + tissue.high) / 2);
  const y = 14 + tissue.line * 17;
  return (
    `<rect class="tissue" x="${x(tissue.low).toFixed(1)}" y="${y + 5}" width="${(x(tissue.high) - x(tissue.low)).toFixed(1)}" height="${box.bottom - y - 5}"/>` +
    `<text class="tissue-name" x="${middle.toFixed(1)}" y="${y}">${tissue.name}</text>`
  );
}

function tickValues(low: number, high: number): number[] {
  const rough = (high - low) / 8;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * magnitude).find((s) => s >= rough) ?? magnitude * 10;
  const ticks: number[] = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step)
    ticks.push(Number(value.toPrecision(6)));
  return ticks;
}
