import { escapeHtml } from '../../html/escape.ts';
import { judgeCurve } from './judge-curve.ts';
import {
  bestEpochOf,
  type CurveEpoch,
  type CurveSide,
  curveSides,
  type Measure,
  measureNames,
  measuresOf,
  type RunCurve,
  sideNames,
} from './run-curve.ts';
import { tickStep, ticksTo } from './ticks.ts';

const width = 860;
const left = 64;
const right = 24;
const panelHeight = 190;
const panelGap = 46;
const ink = '#1f2933';
const quiet = '#5b6570';
const grid = '#e4e8ec';

/** Okabe and Ito's colours, which people with any colour vision can tell apart; yellow is too light for lines. */
export const runColours = [
  '#0072B2',
  '#D55E00',
  '#009E73',
  '#CC79A7',
  '#56B4E9',
  '#E69F00',
  '#000000',
] as const;
/** Of one run, by side. */
const sideColours: Readonly<Record<CurveSide, string>> = {
  validation: '#0072B2',
  training: '#D55E00',
  watched: '#009E73',
};
const dashes: Readonly<Record<CurveSide, string>> = { validation: '', training: '6 4', watched: '2 4' };
/** Beyond one colour each, runs differ by the form of their points. */
const shapes = ['circle', 'square', 'diamond'] as const;

/** Where the panels lie, for pointers: in units of the drawing. */
export interface CurveLayout {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly firstEpoch: number;
  readonly lastEpoch: number;
}

export interface CurveDrawing {
  readonly svg: string;
  readonly layout: CurveLayout;
}

/** The colour of a run among several. */
export function colourOfRun(n: number): string {
  return runColours[n % runColours.length]!;
}

function number(value: number): string {
  return Number(value.toFixed(2)).toString();
}

function text(x: number, y: number, content: string, options = ''): string {
  return `<text x="${number(x)}" y="${number(y)}" ${options}>${escapeHtml(content)}</text>`;
}

function path(points: readonly (readonly [number, number])[], options: string): string {
  if (points.length === 0) return '';
  const d = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${number(x)} ${number(y)}`).join('');
  return `<path d="${d}" fill="none" stroke-linejoin="round" stroke-linecap="round" ${options}/>`;
}

function point(x: number, y: number, shape: (typeof shapes)[number], size: number, options: string): string {
  if (shape === 'circle') return `<circle cx="${number(x)}" cy="${number(y)}" r="${size}" ${options}/>`;
  const turn = shape === 'diamond' ? ` transform="rotate(45 ${number(x)} ${number(y)})"` : '';
  return `<rect x="${number(x - size)}" y="${number(y - size)}" width="${2 * size}" height="${2 * size}"${turn} ${options}/>`;
}

/** Runs of neighbouring epochs that have a value: a gap breaks the line. */
function pieces(epochs: readonly CurveEpoch[], measure: Measure, side: CurveSide): [number, number][][] {
  const found: [number, number][][] = [[]];
  for (const epoch of epochs) {
    const value = epoch[measure][side];
    if (value === null) found.push([]);
    else found.at(-1)!.push([epoch.epoch, value]);
  }
  return found.filter((piece) => piece.length > 0);
}

/**
 * Draws the courses of one or several runs as an SVG that stands alone: a panel for the loss and one for each Dice there is,
 * over epochs. Validation is drawn through, training dashed. One run: its best epoch is marked in all panels, and the
 * part that overfits is shaded. Several: a colour (and form of points) each, the best epoch of each is ringed.
 * The same curves give the same bytes.
 * @param title heading of the picture; empty: none
 */
export function drawCurves(curves: readonly RunCurve[], title = 'Learning curves'): CurveDrawing {
  const single = curves.length === 1 ? curves[0]! : undefined;
  const shown = measuresOf(curves);
  const numbers = curves.flatMap(({ epochs }) => epochs.map((e) => e.epoch));
  const firstEpoch = single ? 0 : Math.min(1, ...numbers);
  const lastEpoch = Math.max(firstEpoch + 1, ...numbers);
  const rows = single ? [] : legendRows(curves);
  // Without a title everything moves up.
  const head = title === '' ? 22 : 50;
  const top = head + 58 + 20 * rows.length;
  const panelTop = (p: number) => top + p * (panelHeight + panelGap);
  const bottom = panelTop(Math.max(1, shown.length) - 1) + panelHeight;
  const height = bottom + 52;
  const x = (epoch: number) =>
    left + ((width - left - right) * (epoch - firstEpoch)) / (lastEpoch - firstEpoch);

  const sides = curveSides.filter((side) =>
    curves.some(({ epochs }) => epochs.some((e) => shown.some((measure) => e[measure][side] !== null))),
  );
  const parts = [
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    title === '' ? '' : text(left, 28, title, `font-size="17" font-weight="600" fill="${ink}"`),
    text(left, head, single ? verdictOf(single) : `${curves.length} runs`, `fill="${quiet}"`),
    ...rows.flatMap((row, r) => row.map((item) => legendRun(item, head + 22 + 20 * r))),
    ...legendSides(sides, single !== undefined, head + 22 + 20 * rows.length),
  ];
  const verdict = single === undefined ? undefined : judgeCurve(single);
  const shade = verdict?.kind === 'overfitting' || verdict?.kind === 'stalled' ? verdict.since : null;
  for (const [p, measure] of shown.entries()) {
    const y0 = panelTop(p);
    const high = measure === 'loss' ? highestLoss(curves) * 1.05 : 1;
    const y = (value: number) => y0 + panelHeight * (1 - Math.max(0, Math.min(1.02, value / high)));
    if (shade !== null) {
      parts.push(
        `<rect x="${number(x(shade))}" y="${y0}" width="${number(x(lastEpoch) - x(shade))}" height="${panelHeight}" fill="${verdict?.kind === 'overfitting' ? '#fbe9d9' : '#eef1f4'}"/>`,
      );
    }
    parts.push(
      text(left, y0 - 10, measureNames[measure], `font-weight="600" fill="${ink}"`),
      ...(measure === 'loss' ? ticksTo(high, 4) : [0, 0.2, 0.4, 0.6, 0.8, 1]).map(
        (value) =>
          `<line x1="${left}" y1="${number(y(value))}" x2="${width - right}" y2="${number(y(value))}" stroke="${value === 0 ? quiet : grid}"/>` +
          text(left - 10, y(value) + 4, String(value), `text-anchor="end" fill="${quiet}"`),
      ),
    );
    for (const [n, curve] of curves.entries()) parts.push(drawRun(curve, n, measure, x, y));
  }
  const step = Math.max(1, tickStep(lastEpoch - firstEpoch, 10));
  for (let e = Math.ceil(firstEpoch / step) * step; e <= lastEpoch; e += step)
    parts.push(text(x(e), bottom + 20, String(e), `text-anchor="middle" fill="${quiet}"`));
  parts.push(
    text((left + width - right) / 2, bottom + 42, 'epochs', `text-anchor="middle" fill="${quiet}"`),
    ...(single ? markBest(single, x, panelTop(0), bottom, lastEpoch) : []),
  );
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="13" role="img" aria-label="${escapeHtml(describe(curves))}">
${parts.filter((part) => part !== '').join('\n')}
</svg>
`;
  return { svg, layout: { width, height, left, right, top: panelTop(0), bottom, firstEpoch, lastEpoch } };

  function drawRun(
    curve: RunCurve,
    n: number,
    measure: Measure,
    toX: (epoch: number) => number,
    toY: (value: number) => number,
  ): string {
    const shape = shapes[Math.floor(n / runColours.length) % shapes.length]!;
    const best = bestEpochOf(curve);
    const drawn: string[] = [];
    if (single && measure === 'loss' && curve.steps.length > 2 * curve.epochs.length) {
      const points = curve.steps.map(({ epoch, loss }) => [toX(epoch), toY(loss)] as const);
      drawn.push(path(points, `stroke="${sideColours.training}" stroke-width="1" opacity="0.3"`));
    }
    // Validation last: it lies on top.
    for (const side of [...curveSides].reverse()) {
      if (!single && side === 'watched') continue;
      const colour = single ? sideColours[side] : colourOfRun(n);
      const strokes = `stroke="${colour}" stroke-width="${side === 'validation' ? 2.2 : 1.6}"${dashes[side] && ` stroke-dasharray="${dashes[side]}"`}`;
      for (const piece of pieces(curve.epochs, measure, side)) {
        const points = piece.map(([epoch, value]) => [toX(epoch), toY(value)] as const);
        if (points.length > 1) drawn.push(path(points, strokes));
        if (side === 'validation' || points.length === 1) {
          const size = curve.epochs.length > 60 ? 1.4 : 2.6;
          for (const [px, py] of points) drawn.push(point(px, py, shape, size, `fill="${colour}"`));
        }
      }
      const value = best?.[measure][side];
      if (side === 'validation' && value != null && best !== undefined) {
        const options = `fill="none" stroke="${single ? ink : colour}" stroke-width="1.8"`;
        drawn.push(point(toX(best.epoch), toY(value), 'circle', 6, options));
      }
    }
    return `<g data-run="${n}">${drawn.join('')}</g>`;
  }
}

/** What a picture of curves shows, for those who do not see it. */
function describe(curves: readonly RunCurve[]): string {
  const of = curves.map((curve) => {
    const best = bestEpochOf(curve);
    const name = curve.name || 'one run';
    return `${name}${best === undefined ? '' : `, best epoch ${best.epoch} with score ${best.score.toFixed(3)}`}`;
  });
  return `Loss and Dice over epochs, training and validation: ${of.join('; ')}`;
}

function verdictOf(curve: RunCurve): string {
  const { length } = curve.epochs;
  const count = length === curve.plannedEpochs ? `${length}` : `${length} of ${curve.plannedEpochs}`;
  const verdict = judgeCurve(curve);
  const short =
    verdict.since !== null && verdict.kind === 'overfitting'
      ? `overfitting since epoch ${verdict.since}`
      : '';
  const said = {
    overfitting: short,
    stalled: `validation stands still since epoch ${verdict.since}`,
    sound: '',
    'too-short': '',
  }[verdict.kind];
  const name = curve.name === '' ? '' : `${curve.name}: `;
  return `${name}${count} epoch${curve.plannedEpochs === 1 ? '' : 's'}${said && `, ${said}`}`;
}

function highestLoss(curves: readonly RunCurve[]): number {
  const values = curves.flatMap(({ epochs }) => epochs.flatMap((e) => [e.loss.training, e.loss.validation]));
  return Math.max(0.01, ...values.filter((value) => value !== null));
}

interface LegendItem {
  readonly name: string;
  readonly n: number;
  readonly x: number;
}

/** Names of runs in as many rows as they need. Letters are taken for 7.2 wide. */
function legendRows(curves: readonly RunCurve[]): LegendItem[][] {
  const rows: LegendItem[][] = [[]];
  let x = left;
  for (const [n, curve] of curves.entries()) {
    const name = curve.name.length > 40 ? `…${curve.name.slice(-39)}` : curve.name;
    const length = 30 + 7.2 * name.length + 16;
    if (x + length > width - right && rows.at(-1)!.length > 0) {
      rows.push([]);
      x = left;
    }
    rows.at(-1)!.push({ name, n, x });
    x += length;
  }
  return rows;
}

function legendRun({ name, n, x }: LegendItem, y: number): string {
  const colour = colourOfRun(n);
  const shape = shapes[Math.floor(n / runColours.length) % shapes.length]!;
  return (
    `<g data-run="${n}"><line x1="${number(x)}" y1="${y - 4}" x2="${number(x + 22)}" y2="${y - 4}" stroke="${colour}" stroke-width="2.2"/>` +
    `${point(x + 11, y - 4, shape, 3, `fill="${colour}"`)}${text(x + 29, y, name, `fill="${ink}"`)}</g>`
  );
}

function legendSides(sides: readonly CurveSide[], isSingle: boolean, y: number): string[] {
  let x = left;
  return sides
    .filter((side) => isSingle || side !== 'watched')
    .map((side) => {
      const colour = isSingle ? sideColours[side] : quiet;
      const dash = dashes[side] && ` stroke-dasharray="${dashes[side]}"`;
      const item =
        `<line x1="${number(x)}" y1="${y - 4}" x2="${number(x + 26)}" y2="${y - 4}" stroke="${colour}" stroke-width="2.2"${dash}/>` +
        text(x + 33, y, sideNames[side], `fill="${ink}"`);
      x += 33 + 7.2 * sideNames[side].length + 22;
      return item;
    });
}

function markBest(
  curve: RunCurve,
  x: (epoch: number) => number,
  top: number,
  bottom: number,
  lastEpoch: number,
): string[] {
  const best = bestEpochOf(curve);
  if (best === undefined) return [];
  const said = [
    best.liverDice.validation === null ? undefined : `liver ${best.liverDice.validation.toFixed(3)}`,
    best.lesionDice.validation === null ? undefined : `lesion ${best.lesionDice.validation.toFixed(3)}`,
  ].filter((part) => part !== undefined);
  const isLate = best.epoch > 0.6 * lastEpoch;
  const at = number(x(best.epoch));
  return [
    `<line x1="${at}" y1="${top}" x2="${at}" y2="${bottom}" stroke="${ink}" stroke-dasharray="3 4"/>`,
    text(
      Number(at) + (isLate ? -8 : 8),
      bottom - 10,
      `best: epoch ${best.epoch}${said.length === 0 ? '' : `, ${said.join(', ')}`}`,
      `text-anchor="${isLate ? 'end' : 'start'}" fill="${ink}" paint-order="stroke" stroke="#ffffff" stroke-width="4"`,
    ),
  ];
}
