import { type Column, placeOn } from '../outcome/columns.ts';
import { at, clipped, plotColours, scoreColour, shortNumber, svg, text } from './svg-parts.ts';
import { objectiveRange, type TrialPoint } from './trial-point.ts';

const across = 3;
const panel = { width: 300, height: 200 } as const;
const margin = { left: 62, top: 70, right: 22, bottom: 58 } as const;

/**
 * The objective over each varied field, a panel each; hollow where a trial was stopped early, the winner in red. Trials in which the
 * field did not vary stand at the right end, apart.
 */
export function scatterSvg(
  columns: readonly Column[],
  points: readonly TrialPoint[],
  objective: string,
): string {
  const [low, high] = objectiveRange(points);
  const room = (high - low) * 0.06;
  const cell = {
    width: margin.left + panel.width + margin.right,
    height: 34 + panel.height + margin.bottom,
  };
  const rows = Math.ceil(columns.length / across);
  const width = Math.max(cell.width, cell.width * Math.min(across, columns.length));
  const height = margin.top + rows * cell.height;
  const parts = columns.map((column, i) => {
    const x0 = (i % across) * cell.width + margin.left;
    const y0 = margin.top + Math.floor(i / across) * cell.height;
    return panelOf(column, points, x0, y0, [low - room, high + room]);
  });
  return svg(width, height, `${objective} over each field`, [
    text(
      margin.left - 38,
      30,
      `${objective} on the validation patients, over each field`,
      `font-size="17" font-weight="600" fill="${plotColours.ink}"`,
    ),
    text(margin.left - 38, 50, 'hollow: stopped early; red: the winner', `fill="${plotColours.quiet}"`),
    ...parts,
  ]);
}

function panelOf(
  column: Column,
  points: readonly TrialPoint[],
  x0: number,
  y0: number,
  [low, high]: readonly [number, number],
): string {
  const hasAbsent = points.some(({ settings }) => settings[column.field] === undefined);
  const isNames = column.scale === 'names';
  const inner = hasAbsent ? panel.width - 40 : panel.width;
  const side = isNames ? inner / (2 * Math.max(1, column.names.length)) : 8;
  const xOf = (share: number) => x0 + side + share * (inner - 2 * side);
  const yOf = (value: number) => y0 + panel.height * (1 - (value - low) / (high - low));
  const bottom = y0 + panel.height;

  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const value = low + share * (high - low);
    const y = yOf(value);
    return (
      `<line x1="${at(x0)}" y1="${at(y)}" x2="${at(x0 + panel.width)}" y2="${at(y)}" stroke="${plotColours.grid}"/>` +
      text(
        x0 - 8,
        y + 4,
        value.toFixed(high - low < 0.1 ? 3 : 2),
        `text-anchor="end" font-size="11.5" fill="${plotColours.quiet}"`,
      )
    );
  });
  const marks = isNames
    ? column.names.map((label) => ({ share: placeOn(column, label), label }))
    : [0, 0.5, 1].map((share) => {
        const { low: from, high: to } = column;
        const value = column.scale === 'log' ? from * (to / from) ** share : from + share * (to - from);
        return { share, label: shortNumber(value) };
      });
  const most = isNames ? Math.max(4, Math.floor(inner / column.names.length / 6.5)) : 9;
  const axis = marks.map(({ share, label }) =>
    text(
      xOf(share),
      bottom + 18,
      clipped(label, most),
      `text-anchor="middle" font-size="11.5" fill="${plotColours.quiet}"`,
    ),
  );
  if (hasAbsent)
    axis.push(
      `<line x1="${at(x0 + inner)}" y1="${at(y0)}" x2="${at(x0 + inner)}" y2="${at(bottom)}" stroke="${plotColours.grid}" stroke-dasharray="3 3"/>`,
      text(x0 + inner + 20, bottom + 18, '–', `text-anchor="middle" fill="${plotColours.quiet}"`),
    );
  const [worst, best] = objectiveRange(points);
  const dots = [...points]
    .sort((a, b) => Number(a.isWinner) - Number(b.isWinner))
    .map((point) => {
      const setting = point.settings[column.field];
      // Points of one name stand beside each other, by the trial's number.
      const jitter = isNames ? (((point.trial * 0.618) % 1) - 0.5) * Math.min(28, side) : 0;
      const x = setting === undefined ? x0 + inner + 20 : xOf(placeOn(column, setting)) + jitter;
      const colour = point.isWinner
        ? plotColours.winner
        : scoreColour((point.objective - worst) / (best - worst));
      const fill = point.isStopped ? 'fill="#ffffff"' : `fill="${colour}"`;
      return `<circle cx="${at(x)}" cy="${at(yOf(point.objective))}" r="${point.isWinner ? 6 : 4.2}" ${fill} stroke="${colour}" stroke-width="1.6"><title>trial ${point.trial}: ${point.objective.toFixed(3)}</title></circle>`;
    });
  return [
    ...grid,
    `<line x1="${at(x0)}" y1="${at(bottom)}" x2="${at(x0 + panel.width)}" y2="${at(bottom)}" stroke="${plotColours.quiet}"/>`,
    ...axis,
    text(
      x0 + panel.width / 2,
      bottom + 40,
      `${column.title}${column.scale === 'log' ? ' (logarithmic)' : ''}`,
      `text-anchor="middle" font-weight="600" fill="${plotColours.ink}"`,
    ),
    ...dots,
  ].join('\n');
}
