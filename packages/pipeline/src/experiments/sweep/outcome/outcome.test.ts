import { expect, test } from 'vitest';
import { parallelSvg } from '../plots/parallel-svg.ts';
import { scatterSvg } from '../plots/scatter-svg.ts';
import type { TrialPoint } from '../plots/trial-point.ts';
import type { Dimension } from '../space/dimension.ts';
import { constantBaselines, countVoxels } from './baselines.ts';
import { columnsOf, featuresOf, placeOn, titleOf } from './columns.ts';
import { renderSweepReport } from './report-html.ts';
import { shortOfBaselines } from './short-of-baselines.ts';
import type { SweepResult } from './sweep-result.ts';

const choice = (field: string, options: Record<string, string | number>, name = field): Dimension => ({
  kind: 'choice',
  name,
  field,
  when: [],
  options: Object.entries(options).map(([label, value]) => ({ label, value })),
});
const lr: Dimension = {
  kind: 'loguniform',
  name: 'a.lr',
  field: 'a.lr',
  when: [],
  low: 1e-4,
  high: 1e-2,
  points: null,
};
const space = {
  dimensions: [
    lr,
    choice('a.l2', { '0.1': 0.1, '0': 0, '0.01': 0.01 }),
    choice('b.depth', { none: 0, all: 'all' }, 'first'),
    choice('b.depth', { half: 1, all: 'all' }, 'second'),
    choice('c.one', { 1: 1 }),
  ],
  fixed: { r: {} },
  onlyRecipe: 'r',
};

test('axes are of fields: numbers in order, names as they come, and none for what does not vary', () => {
  const columns = columnsOf(space);
  expect(columns.map(({ field, scale, names }) => [field, scale, names])).toEqual([
    ['a.lr', 'log', []],
    ['a.l2', 'names', ['0', '0.01', '0.1']],
    ['b.depth', 'names', ['none', 'all', 'half']],
  ]);
  expect(placeOn(columns[0]!, 1e-3)).toBeCloseTo(0.5, 10);
  expect(placeOn(columns[1]!, '0.01')).toBe(0.5);
  const features = featuresOf(space, [{ 'a.lr': 1e-3, 'a.l2': '0.1', second: 'half' }, { 'a.lr': 1e-2 }]);
  expect(features['a.l2']).toEqual({ kind: 'number', values: [1, null] });
  expect(features['b.depth']).toEqual({ kind: 'name', values: ['half', null] });
});

test('titles are short, but tell fields apart', () => {
  const fields = ['training.optimiser.learningRate', 'training.sampling.lesion', 'a.dropout', 'b.dropout'];
  expect(fields.map((field) => titleOf(field, fields))).toEqual([
    'learningRate',
    'sampling.lesion',
    'a.dropout',
    'b.dropout',
  ]);
});

test('baselines by hand; cases without lesion do not count', () => {
  const voxels = countVoxels([Uint8Array.from([0, 1, 1, 2]), Uint8Array.from([2, 0, 0, 1])]);
  expect(voxels).toEqual({ all: 8, liver: 5, lesion: 2 });
  expect(constantBaselines([voxels, { all: 9, liver: 4, lesion: 0 }])).toEqual([
    { name: 'predict nothing', lesionDice: 0, liverDice: 0 },
    { name: 'all of the true liver is lesion', lesionDice: Number((4 / 7).toPrecision(7)), liverDice: 1 },
  ]);
});

const points: TrialPoint[] = [
  {
    trial: 1,
    objective: 0.5,
    isStopped: false,
    isWinner: true,
    settings: { 'a.lr': 1e-3, 'a.l2': '0.1', 'b.depth': 'all' },
  },
  { trial: 2, objective: 0.1, isStopped: true, isWinner: false, settings: { 'a.lr': 1e-4, 'a.l2': '0' } },
];

test('plots hold every trial, and no number that is none', () => {
  for (const svg of [
    parallelSvg(columnsOf(space), points, 'lesion Dice'),
    scatterSvg(columnsOf(space), points, 'lesion Dice'),
  ]) {
    expect(svg).toContain('trial 1: 0.500');
    expect(svg).toContain('trial 2: 0.100');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  }
  const alike = points.map((point) => ({ ...point, objective: 0.3 }));
  expect(parallelSvg(columnsOf(space), alike, 'lesion Dice')).not.toMatch(/NaN|Infinity/);
});

const result: SweepResult = {
  schema: 'glisson.ranking/1',
  sweep: '<b>s</b>',
  objective: 'lesionDice',
  chosenOn: ['B'],
  trials: [
    {
      rank: 1,
      trial: 1,
      recipe: 'r',
      weights: 'random',
      state: 'finished',
      objective: 0.5,
      liverDice: null,
      lesionDice: 0.5,
      bestEpoch: 1,
      steps: 3,
      settings: { 'a.lr': 1e-3 },
      planHash: null,
    },
  ],
  baselines: [{ name: 'predict nothing', lesionDice: 0, liverDice: 0 }],
  importance: null,
  winner: 1,
  test: null,
};

test('a winner that beats no baseline is said to', () => {
  expect(shortOfBaselines(result)).toEqual([]);
  const rival = { name: 'everything', lesionDice: 0.6, liverDice: 1 };
  expect(shortOfBaselines({ ...result, baselines: [rival] })[0]).toContain('"everything"');
});

test('the page says on whom was chosen, and text from files is text', () => {
  const page = renderSweepReport({
    result,
    columns: columnsOf(space),
    parallelSvg: '',
    scatterSvg: '',
    setting: [],
    notes: [],
  });
  expect(page).toContain('on the validation patients only (B)');
  expect(page).toContain('&lt;b&gt;s&lt;/b&gt;');
  expect(page).not.toContain('<b>s</b>');
});
