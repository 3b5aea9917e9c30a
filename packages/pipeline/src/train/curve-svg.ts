import type { EpochMetrics, Metrics, StepMetrics, WatchedMetrics } from './metrics.ts';

const width = 760;
const left = 64;
const right = 24;
const panels = { loss: { top: 64, height: 130 }, dice: { top: 244, height: 210 } } as const;
const height = 520;
const colours = {
  ink: '#1f2933',
  quiet: '#6b7683',
  grid: '#e4e8ec',
  loss: '#52606d',
  liver: '#0f8a6d',
  lesion: '#d6472b',
};

interface Scale {
  readonly x: (step: number) => number;
  readonly y: (value: number) => number;
}

function number(value: number): string {
  return Number(value.toFixed(2)).toString();
}

/** A step of 1, 2 or 5 times a power of ten that divides `span` into about `count`. */
function tickStep(span: number, count: number): number {
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= rough) ?? 10 * power;
}

function ticks(high: number, count: number): number[] {
  const step = tickStep(high, count);
  return Array.from({ length: Math.floor(high / step + 1e-9) + 1 }, (_, i) =>
    Number((i * step).toPrecision(6)),
  );
}

function line(points: readonly (readonly [number, number])[], colour: string, strokeWidth: number): string {
  if (points.length === 0) return '';
  const path = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${number(x)} ${number(y)}`).join(' ');
  return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${strokeWidth}" stroke-linejoin="round" stroke-linecap="round"/>`;
}

function text(x: number, y: number, content: string, options = ''): string {
  return `<text x="${number(x)}" y="${number(y)}" ${options}>${content}</text>`;
}

function axes(scale: Scale, panel: { top: number; height: number }, values: readonly number[]): string {
  return values
    .map((value) => {
      const y = scale.y(value);
      return (
        `<line x1="${left}" y1="${number(y)}" x2="${width - right}" y2="${number(y)}" stroke="${colours.grid}"/>` +
        text(left - 10, y + 4, String(value), `text-anchor="end" fill="${colours.quiet}"`)
      );
    })
    .concat(
      `<line x1="${left}" y1="${panel.top + panel.height}" x2="${width - right}" y2="${panel.top + panel.height}" stroke="${colours.quiet}"/>`,
    )
    .join('\n');
}

function scaleOf(panel: { top: number; height: number }, steps: number, highest: number): Scale {
  return {
    x: (step) => left + ((width - left - right) * step) / steps,
    y: (value) => panel.top + panel.height * (1 - value / highest),
  };
}

function legend(x: number, y: number, colour: string, label: string): string {
  return (
    `<line x1="${x}" y1="${y - 4}" x2="${x + 18}" y2="${y - 4}" stroke="${colour}" stroke-width="2.5" stroke-linecap="round"/>` +
    text(x + 25, y, label, `fill="${colours.ink}"`)
  );
}

/**
 * The course of a training run as an SVG that stands alone: training loss, and Dice of liver and lesion on the
 * validation cases after each epoch, the best epoch marked. Same metrics, same bytes.
 * @param totalSteps steps of the plan: the curve of an unfinished run ends early
 */
export function curveSvg(metrics: readonly Metrics[], totalSteps: number): string {
  const steps = metrics.filter((m): m is StepMetrics => m.kind === 'steps');
  const epochs = metrics.filter((m): m is EpochMetrics => m.kind === 'epoch');
  const best = epochs.findLast((epoch) => epoch.best);
  const highestLoss = Math.max(0.1, ...steps.map((m) => m.loss)) * 1.05;
  const loss = scaleOf(panels.loss, totalSteps, highestLoss);
  const dice = scaleOf(panels.dice, totalSteps, 1);
  const diceLine = (key: 'liverDice' | 'lesionDice', colour: string) => {
    const points = epochs.flatMap((m) =>
      m[key] === null ? [] : [[dice.x(m.step), dice.y(m[key])] as const],
    );
    const dots = points.map(
      ([x, y]) => `<circle cx="${number(x)}" cy="${number(y)}" r="2.6" fill="${colour}"/>`,
    );
    return line(points, colour, 2) + dots.join('');
  };
  const bottom = panels.dice.top + panels.dice.height;
  const parts = [
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(left, 30, 'Training', `font-size="17" font-weight="600" fill="${colours.ink}"`),
    text(left, 52, 'Loss on training patches', `fill="${colours.quiet}"`),
    axes(loss, panels.loss, ticks(highestLoss, 4)),
    line(
      steps.map((m) => [loss.x(m.step), loss.y(m.loss)] as const),
      colours.loss,
      1.6,
    ),
    text(
      left,
      panels.dice.top - 16,
      'Dice of the validation cases after each epoch',
      `fill="${colours.quiet}"`,
    ),
    // Classifiers of patches judge lesions only.
    epochs.length > 0 && epochs.every((m) => m.liverDice === null)
      ? ''
      : legend(width - right - 164, panels.dice.top - 16, colours.liver, 'liver'),
    legend(width - right - 82, panels.dice.top - 16, colours.lesion, 'lesion'),
    axes(dice, panels.dice, [0, 0.2, 0.4, 0.6, 0.8, 1]),
    ...ticks(totalSteps, 6).map((step) =>
      text(dice.x(step), bottom + 20, String(step), `text-anchor="middle" fill="${colours.quiet}"`),
    ),
    text(
      left + (width - left - right) / 2,
      bottom + 44,
      'steps',
      `text-anchor="middle" fill="${colours.quiet}"`,
    ),
  ];
  parts.push(diceLine('liverDice', colours.liver), diceLine('lesionDice', colours.lesion));
  const watched = metrics.filter((m): m is WatchedMetrics => m.kind === 'watched');
  if (watched.length > 0) {
    const points = (key: 'liverDice' | 'lesionDice') =>
      watched.flatMap((m) => (m[key] === null ? [] : [[dice.x(m.step), dice.y(m[key])] as const]));
    const dashed = (key: 'liverDice' | 'lesionDice', colour: string) =>
      `<g stroke-dasharray="5 4" opacity="0.75">${line(points(key), colour, 1.6)}</g>`;
    parts.push(
      dashed('liverDice', colours.liver),
      dashed('lesionDice', colours.lesion),
      text(
        left + 8,
        panels.dice.top + 14,
        'dashed: held-out patients, for the eye only',
        `fill="${colours.quiet}" paint-order="stroke" stroke="#ffffff" stroke-width="4"`,
      ),
    );
  }
  if (best !== undefined) {
    const x = number(dice.x(best.step));
    const late = best.step > 0.7 * totalSteps;
    const said = [
      best.liverDice === null ? undefined : `liver ${best.liverDice.toFixed(3)}`,
      best.lesionDice === null ? undefined : `lesion ${best.lesionDice.toFixed(3)}`,
    ].filter((part) => part !== undefined);
    parts.push(
      `<line x1="${x}" y1="${panels.dice.top}" x2="${x}" y2="${bottom}" stroke="${colours.ink}" stroke-dasharray="3 4"/>`,
      text(
        Number(x) + (late ? -8 : 8),
        bottom - 12,
        `best: epoch ${best.epoch}${said.length === 0 ? '' : `, ${said.join(', ')}`}`,
        `text-anchor="${late ? 'end' : 'start'}" fill="${colours.ink}" paint-order="stroke" stroke="#ffffff" stroke-width="4"`,
      ),
    );
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="13" role="img" aria-label="Loss and Dice over training">
${parts.filter((part) => part !== '').join('\n')}
</svg>
`;
}
