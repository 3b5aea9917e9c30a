import { type Column, placeOn } from '../outcome/columns.ts';
import { at, clipped, plotColours, scoreColour, shortNumber, svg, text } from './svg-parts.ts';
import { objectiveRange, type TrialPoint } from './trial-point.ts';

const top = 92;
const axisHeight = 300;
const left = 90;
const gap = 150;
/** Below the axes: where lines go that a field does not touch. */
const absentDrop = 34;

/**
 * Parallel coordinates: an axis for each varied field and one for the objective, a line for each trial, coloured by the objective;
 * the winner is drawn thick, trials that were stopped early are dashed. Where a field did not vary in a trial, its line dips below
 * the axis.
 */
export function parallelSvg(
  columns: readonly Column[],
  points: readonly TrialPoint[],
  objective: string,
): string {
  const [low, high] = objectiveRange(points);
  const last: Column = {
    field: '',
    title: objective,
    scale: 'linear',
    names: [],
    isOrdered: true,
    low,
    high,
  };
  const axes = [...columns, last];
  const width = Math.max(420, left * 2 + gap * (axes.length - 1));
  const hasAbsent = points.some((point) => columns.some(({ field }) => point.settings[field] === undefined));
  const height = top + axisHeight + (hasAbsent ? absentDrop + 46 : 30);
  const bottom = top + axisHeight;
  const xOf = (axis: number) => left + axis * gap;
  const yOf = (share: number) => bottom - share * axisHeight;

  const drawn = [...points].sort(
    (a, b) => Number(a.isWinner) - Number(b.isWinner) || a.objective - b.objective,
  );
  const lines = drawn.map((point) => {
    const places = axes.map((column, i) => {
      const setting = i === axes.length - 1 ? point.objective : point.settings[column.field];
      return [xOf(i), setting === undefined ? bottom + absentDrop : yOf(placeOn(column, setting))] as const;
    });
    const path = places.map(([x, y], i) => {
      if (i === 0) return `M${at(x)} ${at(y)}`;
      const [x0, y0] = places[i - 1]!;
      const middle = (x0 + x) / 2;
      return `C${at(middle)} ${at(y0)} ${at(middle)} ${at(y)} ${at(x)} ${at(y)}`;
    });
    const colour = scoreColour((point.objective - low) / (high - low));
    const stroke = point.isWinner
      ? `stroke="${plotColours.winner}" stroke-width="3.5"`
      : `stroke="${colour}" stroke-width="1.6" stroke-opacity="0.75"`;
    return `<path d="${path.join('')}" fill="none" ${stroke}${point.isStopped ? ' stroke-dasharray="5 3"' : ''}><title>trial ${point.trial}: ${point.objective.toFixed(3)}</title></path>`;
  });

  const frames = axes.map((column, i) => {
    const x = xOf(i);
    const title = text(
      x,
      top - 26,
      clipped(column.title, 20),
      `text-anchor="middle" font-weight="600" fill="${plotColours.ink}"`,
    );
    const log =
      column.scale === 'log'
        ? text(x, top - 10, 'logarithmic', `text-anchor="middle" font-size="11" fill="${plotColours.quiet}"`)
        : '';
    const axis = `<line x1="${x}" y1="${top}" x2="${x}" y2="${bottom}" stroke="${plotColours.quiet}"/>`;
    const marks = marksOf(column).map(
      ({ share, label }) =>
        text(
          x - 8,
          yOf(share) + 4,
          clipped(label, 16),
          `text-anchor="end" fill="${plotColours.ink}" font-size="11.5" paint-order="stroke" stroke="#ffffff" stroke-width="4"`,
        ) +
        `<line x1="${x - 4}" y1="${at(yOf(share))}" x2="${x + 4}" y2="${at(yOf(share))}" stroke="${plotColours.ink}"/>`,
    );
    return [title, log, axis, ...marks].join('');
  });
  const absent = hasAbsent
    ? text(
        left,
        bottom + absentDrop + 20,
        'below an axis: the field did not vary in that trial',
        `fill="${plotColours.quiet}" font-size="12"`,
      )
    : '';
  return svg(width, height, `Settings of ${points.length} trials and their ${objective}`, [
    text(
      left - 66,
      30,
      `${points.length} trials: what was tried, and ${objective} on the validation patients`,
      `font-size="17" font-weight="600" fill="${plotColours.ink}"`,
    ),
    ...lines,
    ...frames,
    absent,
  ]);
}

function marksOf(column: Column): { share: number; label: string }[] {
  const { scale, names, low, high } = column;
  if (scale === 'names') return names.map((label) => ({ share: placeOn(column, label), label }));
  return [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const value = scale === 'log' ? low * (high / low) ** share : low + share * (high - low);
    return { share, label: shortNumber(value) };
  });
}
