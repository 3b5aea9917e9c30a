import { createBrailleCanvas } from './braille-canvas.ts';
import { judgeCurve } from './judge-curve.ts';
import {
  bestEpochOf,
  type CurveSide,
  curveSides,
  type Measure,
  measureNames,
  measuresOf,
  type RunCurve,
} from './run-curve.ts';

/** ANSI colours of the sides; without colours, gaps tell them apart. */
const styles: Readonly<Record<CurveSide, { colour: number; gap: number; sign: string; name: string }>> = {
  validation: { colour: 36, gap: 1, sign: '━', name: 'validation' },
  training: { colour: 33, gap: 2, sign: '╍', name: 'training' },
  watched: { colour: 35, gap: 4, sign: '┈', name: 'watched' },
};

export interface TextCurveOptions {
  /** Columns in all. */
  readonly width: number;
  /** Rows of the drawing itself; two more hold titles and epochs. */
  readonly height: number;
  /** Whether ANSI colours may be used. */
  readonly colour: boolean;
}

/** Narrower terminals get no chart. */
export const narrowestChart = 64;

const axisWidth = 6;
const between = 3;

/**
 * The course of a run as text: loss on the left, Dice on the right (of lesions where they are judged), in braille
 * characters; below, the best epoch and what the course tells. No line is wider than `width`; empty before two epochs.
 */
export function textCurves(curve: RunCurve, options: TextCurveOptions): string[] {
  const { width, height, colour } = options;
  const shown = measuresOf([curve]);
  const isValidated = (measure: Measure) => curve.epochs.some((e) => e[measure].validation !== null);
  const dices = shown.filter((measure) => measure !== 'loss');
  const dice = dices.find(isValidated) ?? dices[0];
  const drawn = shown.filter((measure) => measure === 'loss' || measure === dice);
  if (curve.epochs.length < 2 || drawn.length === 0 || width < narrowestChart) return [];
  const panel = Math.floor((width - between * (drawn.length - 1)) / drawn.length);
  const panels = drawn.map((measure) => drawPanel(curve, measure, panel, height, colour));
  const lines = panels[0]!.map((_, r) =>
    panels
      .map((one) => one[r]!)
      .join(' '.repeat(between))
      .trimEnd(),
  );
  return [...lines, ...fold(summaryOf(curve), width)];
}

/** The best epoch and the verdict, in one sentence each. */
export function summaryOf(curve: RunCurve): string {
  const best = bestEpochOf(curve);
  const dice = best?.lesionDice.validation ?? best?.liverDice.validation;
  const which = best?.lesionDice.validation == null ? 'Dice of the liver' : 'Dice of lesions';
  const said =
    best === undefined
      ? ''
      : `Best: epoch ${best.epoch}${dice == null ? '' : `, validation ${which} ${dice.toFixed(3)}`}. `;
  const verdict = judgeCurve(curve);
  return said + (verdict.kind === 'too-short' ? '' : verdict.text);
}

function paint(text: string, code: number, colour: boolean): string {
  return colour ? `\u001b[${code}m${text}\u001b[0m` : text;
}

function drawPanel(
  curve: RunCurve,
  measure: Measure,
  width: number,
  height: number,
  colour: boolean,
): string[] {
  const { epochs, plannedEpochs } = curve;
  const sides = curveSides.filter((side) => epochs.some((e) => e[measure][side] !== null));
  const values = epochs.flatMap((e) => sides.map((side) => e[measure][side]).filter((v) => v !== null));
  const high = measure === 'loss' ? Math.max(...values, 1e-3) : 1;
  const canvas = createBrailleCanvas(width - axisWidth, height);
  const [first, last] = [epochs[0]!.epoch, epochs.at(-1)!.epoch];
  const x = (epoch: number) => ((canvas.width - 1) * (epoch - first)) / Math.max(1, last - first);
  const y = (value: number) => (canvas.height - 1) * (1 - Math.max(0, value) / high);
  for (const [ink, side] of sides.entries()) {
    let before: [number, number] | undefined;
    for (const epoch of epochs) {
      const value = epoch[measure][side];
      const here: [number, number] | undefined = value === null ? undefined : [x(epoch.epoch), y(value)];
      if (here !== undefined) canvas.line(before ?? here, here, ink, styles[side].gap);
      before = here;
    }
  }
  const label = (value: number) => value.toFixed(value >= 100 ? 0 : 2).padStart(axisWidth - 2);
  const rows = Array.from({ length: height }, (_, r) => {
    const edge = r === 0 ? label(high) : r === height - 1 ? label(0) : ' '.repeat(axisWidth - 2);
    return `${edge} │${strokes(canvas.row(r), sides, colour)}`;
  });
  const legend = sides.map((side) => ({ side, text: `${styles[side].sign} ${styles[side].name}` }));
  let title = measureNames[measure];
  let length = title.length;
  for (const { side, text } of legend) {
    if (length + 2 + text.length > width) break;
    title += `  ${paint(text, styles[side].colour, colour)}`;
    length += 2 + text.length;
  }
  const from = `epoch ${first}`;
  const to = `${last} of ${plannedEpochs}`;
  const gap = Math.max(1, width - axisWidth - from.length - to.length);
  return [
    title + ' '.repeat(Math.max(0, width - length)),
    ...rows,
    `${' '.repeat(axisWidth)}${from}${' '.repeat(gap)}${to}`,
  ];
}

/** Neighbours of one colour are painted together. */
function strokes(
  cells: readonly { readonly text: string; readonly ink: number }[],
  sides: readonly CurveSide[],
  colour: boolean,
): string {
  let out = '';
  for (let c = 0; c < cells.length; ) {
    let end = c + 1;
    while (end < cells.length && cells[end]!.ink === cells[c]!.ink) end++;
    const piece = cells.slice(c, end).map(({ text }) => text);
    const side = sides[cells[c]!.ink];
    out += side === undefined ? piece.join('') : paint(piece.join(''), styles[side].colour, colour);
    c = end;
  }
  return out;
}

/** Breaks a text into lines at spaces. */
function fold(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ').filter((one) => one !== '')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
