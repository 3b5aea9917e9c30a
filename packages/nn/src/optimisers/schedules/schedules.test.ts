import { describe, expect, test } from 'vitest';
import { runPython } from '../../../../../testing/python.ts';
import { hasSystemTools, needs } from '../../../../../testing/system-tools.ts';
import { type ScheduleOptions, scheduleOf } from './schedule-of.ts';

function factors(options: ScheduleOptions, count: number): number[] {
  return Array.from({ length: count }, (_, step) => scheduleOf(options)(step));
}

describe('by hand', () => {
  test.each<[ScheduleOptions, number[]]>([
    [{ name: 'constant' }, [1, 1, 1]],
    [{ name: 'constant', warmUpSteps: 3 }, [1 / 4, 2 / 4, 3 / 4, 1, 1]],
    [{ name: 'step', every: 2, factor: 0.5 }, [1, 1, 0.5, 0.5, 0.25]],
    [{ name: 'step', every: [1, 4], factor: 0.5 }, [1, 0.5, 0.5, 0.5, 0.25]],
    [{ name: 'step', every: 2, factor: 0.5, warmUpSteps: 1 }, [1 / 2, 1, 1, 0.5, 0.5]],
    [{ name: 'polynomial', steps: 4, power: 1 }, [1, 0.75, 0.5, 0.25, 0, 0]],
    [{ name: 'polynomial', steps: 2 }, [1, 0.5 ** 0.9, 0]],
    [{ name: 'polynomial', steps: 6, power: 2, warmUpSteps: 2 }, [1 / 3, 2 / 3, 1, 9 / 16, 1 / 4, 1 / 16, 0]],
    [{ name: 'cosine', steps: 4 }, [1, 0.5 + Math.SQRT1_2 / 2, 0.5, 0.5 - Math.SQRT1_2 / 2, 0, 0]],
    [{ name: 'cosine', steps: 2, lowest: 0.2 }, [1, 0.6, 0.2, 0.2]],
    // The top is at step 0.5 * 6 - 1 = 2, the end at step 5.
    [{ name: 'one-cycle', steps: 6, rise: 0.5, first: 0.2, last: 0 }, [0.2, 0.6, 1, 0.75, 0.25, 0, 0]],
    [{ name: 'one-cycle', steps: 1 }, [1 / 250_000]],
  ])('%j', (options, expected) => {
    const found = factors(options, expected.length);
    for (const [step, value] of expected.entries())
      expect(found[step], `step ${step}`).toBeCloseTo(value, 12);
  });
});

test.skipIf(!hasSystemTools(['python3-torch']))(
  needs(['python3-torch'], 'as the schedulers of PyTorch'),
  () => {
    const warm = (options: string, n: number) =>
      `SequentialLR(o, [LinearLR(o, 1 / ${n + 1}, total_iters=${n}), ${options}], [${n}])`;
    const cases: [ScheduleOptions, string][] = [
      [{ name: 'step', every: 7, factor: 0.3 }, 'StepLR(o, 7, 0.3)'],
      [{ name: 'step', every: [3, 4, 15], factor: 0.3 }, 'MultiStepLR(o, [3, 4, 15], 0.3)'],
      [{ name: 'polynomial', steps: 20 }, 'PolynomialLR(o, 20, 0.9)'],
      [{ name: 'cosine', steps: 24, lowest: 0.1 }, 'CosineAnnealingLR(o, 24, 0.1)'],
      [{ name: 'one-cycle', steps: 24 }, 'OneCycleLR(o, 1, 24)'],
      [
        { name: 'one-cycle', steps: 25, rise: 0.45, first: 0.1, last: 0.001 },
        'OneCycleLR(o, 1, 25, pct_start=0.45, div_factor=10, final_div_factor=100)',
      ],
      [{ name: 'polynomial', steps: 24, warmUpSteps: 5 }, warm('PolynomialLR(o, 19, 0.9)', 5)],
      [{ name: 'step', every: 4, factor: 0.5, warmUpSteps: 3 }, warm('StepLR(o, 4, 0.5)', 3)],
    ];
    const count = 24;
    const expected = runPython<number[][]>(
      `
import json, sys, torch
from torch.optim.lr_scheduler import *
def path(make):
    o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    scheduler = make(o)
    for _ in range(${count}):
        yield o.param_groups[0]['lr']
        o.step()
        scheduler.step()
print(json.dumps([list(path(make)) for make in [
${cases.map(([, torch]) => `    lambda o: ${torch},`).join('\n')}
]]))
`,
      null,
    );
    for (const [i, [options, torch]] of cases.entries()) {
      const found = factors(options, count);
      for (const [step, value] of expected[i]!.entries()) {
        expect(found[step], `${torch}, step ${step}`).toBeCloseTo(value, 10);
      }
    }
  },
);

test.each([
  [
    { name: 'step', every: 0, factor: 0.1 },
    /every must be a positive whole number, or a list of positive whole numbers, found 0/,
  ],
  [{ name: 'step', every: [3, 2.5], factor: 0.1 }, /every .* found \[3, 2\.5\] .item 1 is 2\.5/],
  [{ name: 'step', every: 3, factor: 0 }, /factor/],
  [{ name: 'polynomial', steps: Number.NaN }, /steps/],
  [{ name: 'polynomial', steps: 5, power: -1 }, /power/],
  [{ name: 'cosine', steps: 5, lowest: 2 }, /lowest/],
  [{ name: 'one-cycle', steps: 5, rise: -0.1 }, /rise/],
  [{ name: 'constant', warmUpSteps: -1 }, /warmUpSteps/],
  [{ name: 'exponential' }, /name must be 'constant', 'step', .* or 'one-cycle', found 'exponential'/],
])('refuses %j', (options, message) => {
  expect(() => scheduleOf(options as ScheduleOptions)).toThrow(
    expect.objectContaining({ code: 'value-invalid', message: expect.stringMatching(message) }),
  );
});
