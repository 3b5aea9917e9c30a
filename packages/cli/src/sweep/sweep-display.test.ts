import type { SweepView, TrialView } from '@glisson/pipeline/experiments/sweep/trials/trial-view';
import { InvalidArgumentError } from 'commander';
import { describe, expect, test } from 'vitest';
import { budget } from './budget-option.ts';
import { liveTable, summaryLine } from './trial-table.ts';
import { createSweepDisplay } from './watch-sweep.ts';

const trial = (number: number, more: Partial<TrialView> = {}): TrialView => ({
  trial: number,
  point: { recipe: 'patch-small', 'training.optimiser.learningRate': 0.01 },
  state: 'running',
  epoch: 0,
  best: null,
  share: 0,
  stage: 'starting',
  ...more,
});
const view = (...trials: TrialView[]): SweepView => ({
  trials,
  planned: 9,
  secondsUsed: 61,
  secondsLeft: 125,
});
const some = view(
  trial(1, { state: 'finished', epoch: 3, best: 0.5 }),
  trial(2, { state: 'failed', error: { code: 'killed', message: 'out of memory' } }),
  trial(3, { epoch: 2, best: 0.25, share: 0.66, stage: 'train' }),
);

test.each([
  ['40', { trials: 40 }],
  ['90m', { minutes: 90 }],
  ['40,1.5m', { trials: 40, minutes: 1.5 }],
])('a budget of %s', (text, wanted) => {
  expect(budget(text)).toEqual(wanted);
});

test.each(['', '0', '-1', '1.5', '4,5', '90min', '1h', ','])('no budget: %j', (text) => {
  expect(() => budget(text)).toThrow(InvalidArgumentError);
});

describe('while a sweep runs', () => {
  test('a table has what runs first, then the others by what they reached', () => {
    expect(liveTable(some, 100).map((line) => line.trim().split(/\s{2,}/))).toEqual([
      ['trial', 'state', 'epoch', 'best', 'recipe', 'learningRate'],
      expect.anything(),
      [expect.stringContaining('3'), '66 %', '2', '0.250', 'patch-small', '0.01'],
      [expect.stringContaining('1'), 'finished', '3', '0.500', 'patch-small', '0.01'],
      [expect.stringContaining('2'), 'failed', '–', '–', 'patch-small', '0.01'],
      ['2 of 9 trials ended, 1:01 used, about 2:05 left'],
    ]);
  });

  test('many trials do not fill the screen', () => {
    const many = view(
      ...Array.from({ length: 40 }, (_, i) => trial(i + 1, { state: 'finished', best: i / 40 })),
    );
    const lines = liveTable(many, 100);
    expect(lines.length).toBeLessThan(20);
    expect(lines.at(-2)).toBe('… and 26 others');
  });

  test('a terminal is redrawn in place, a log gets a line for each piece of news', () => {
    const written: string[] = [];
    const stream = (isTTY: boolean) => ({ isTTY, columns: 80, write: (text: string) => written.push(text) });
    const terminal = createSweepDisplay(
      stream(true),
      () => {},
      () => 1000 * written.length,
    );
    terminal.watch(some);
    terminal.watch(some);
    expect(written[1]!.startsWith(`\u001b[${liveTable(some, 79).length}A`)).toBe(true);

    written.length = 0;
    const log = createSweepDisplay(stream(false), () => {});
    log.watch(view(trial(1)));
    log.watch(view(trial(1)));
    log.watch(view(trial(1, { epoch: 1, best: 0.3 })));
    log.watch(view(trial(1, { state: 'failed', error: { code: 'killed', message: 'out of memory' } })));
    expect(written).toHaveLength(3);
    expect(written[2]).toContain('trial 1 failed: out of memory (recipe patch-small, learningRate 0.01)');
  });
});

test('what is not known is not said', () => {
  expect(summaryLine({ trials: [], planned: undefined, secondsUsed: 5, secondsLeft: undefined })).toBe(
    '0 trials ended, 0:05 used',
  );
});
