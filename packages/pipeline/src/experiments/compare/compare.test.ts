import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../../testing/system-tools.ts';
import { makeRun } from '../../testing/made-run.ts';
import { readRun } from '../record/read-run.ts';
import type { CaseRecord, RunRecord } from '../record/run-record.ts';
import { bootstrapMean } from './bootstrap.ts';
import { compareRuns } from './compare-runs.ts';
import { normalCdf, normalQuantile } from './normal-distribution.ts';

let root: string;
let a: RunRecord;
let b: RunRecord;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'glisson-compare-'));
  await makeRun(join(root, 'a'), { lesionDice: [0.5, 0.6, 0.7] });
  await makeRun(join(root, 'b'), {
    lesionDice: [0.6, 0.6, 0.8],
    set: { 'training.optimiser.learningRate': 0.01 },
  });
  a = await readRun(join(root, 'a'));
  b = await readRun(join(root, 'b'));
});

afterAll(() => rm(root, { recursive: true, force: true }));

function tested(run: RunRecord, dice: readonly number[], changes: Partial<CaseRecord> = {}): RunRecord {
  const cases = dice.map((lesionDice, n) => ({
    ...run.cases[0]!,
    case: `${n}`,
    patient: `T${n}`,
    side: 'test' as const,
    grid: 'scan' as const,
    lesionDice,
    ...changes,
  }));
  return { ...run, cases: [...run.cases, ...cases] };
}

describe('compareRuns', () => {
  test('names the fields that differ, and pairs cases by name', () => {
    const { plan, differences, unpaired } = compareRuns([a, b]);
    expect(plan).toEqual([{ field: 'training.optimiser.learningRate', values: [1e-3, 0.01] }]);
    const lesion = differences.find(({ measure }) => measure === 'lesionDice');
    expect(lesion).toMatchObject({
      side: 'validation',
      grid: 'prepared',
      patients: 3,
      cases: 3,
      difference: expect.closeTo(0.2 / 3),
      // Three patients are too few for an interval.
      interval: null,
    });
    expect(unpaired).toEqual([]);
  });

  test('gives intervals that hold the mean, the same for the same seed', () => {
    const runs = [tested(a, [0.5, 0.6, 0.4, 0.7, 0.55, 0.3]), tested(b, [0.6, 0.65, 0.42, 0.8, 0.5, 0.45])];
    const find = () =>
      compareRuns(runs).differences.find(({ measure, side }) => measure === 'lesionDice' && side === 'test')!;
    const found = find();
    expect(found.patients).toBe(6);
    expect(found.interval!.low).toBeLessThan(found.difference);
    expect(found.interval!.high).toBeGreaterThan(found.difference);
    expect(find()).toEqual(found);
  });

  test('a patient with many cases counts as one', () => {
    const runs = [a, b].map((run) => tested(run, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], { patient: 'one' }));
    const found = compareRuns(runs).differences.find(({ side }) => side === 'test')!;
    expect(found).toMatchObject({ patients: 1, cases: 6, interval: null });
  });

  test('says which cases only one run was scored on, and which have other files', () => {
    const evaluated = (
      run: RunRecord,
      files: Record<string, string>,
      dice: readonly number[],
    ): RunRecord => ({
      ...tested(run, dice),
      kind: 'evaluate',
      files,
    });
    const one = evaluated(a, { '0 reference': 'x', '1 reference': 'y' }, [0.5, 0.5]);
    const two = evaluated(b, { '0 reference': 'x', '1 reference': 'z' }, [0.6, 0.6, 0.6]);
    const { unpaired, differences } = compareRuns([one, two]);
    expect(unpaired).toMatchObject([{ side: 'test', onlyFirst: [], onlyOther: ['2'], otherFiles: ['1'] }]);
    expect(differences.find(({ side }) => side === 'test')!.cases).toBe(1);
  });
});

describe('bootstrapMean', () => {
  test('equal values have an interval of no width', () => {
    const { mean, low, high } = bootstrapMean([[0.25], [0.25], [0.25]], createRandom(1), { resamples: 100 });
    expect([mean, low, high]).toEqual([0.25, 0.25, 0.25]);
  });

  test('is ordered and lies within the values', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 3 }), {
          minLength: 2,
          maxLength: 8,
        }),
        (groups) => {
          const { low, high } = bootstrapMean(groups, createRandom(1), { resamples: 200 });
          const all = groups.flat();
          expect(low).toBeLessThanOrEqual(high);
          expect(low).toBeGreaterThanOrEqual(Math.min(...all) - 1e-12);
          expect(high).toBeLessThanOrEqual(Math.max(...all) + 1e-12);
        },
      ),
    );
  });

  const tools = ['python3-scipy'];
  test.skipIf(!hasSystemTools(tools))(
    needs(tools, 'agrees with scipy within the chance of resampling'),
    () => {
      const values = [0.1, 0.02, -0.05, 0.3, 0.12, 0.07, 0.01, 0.4, -0.02, 0.06];
      const script = `
import json, numpy as np
from scipy import stats
v = np.array(${JSON.stringify(values)})
r = stats.bootstrap((v,), np.mean, n_resamples=40000, method='BCa', random_state=1, vectorized=True)
print(json.dumps([r.confidence_interval.low, r.confidence_interval.high, *stats.norm.cdf([-8.5, -3, -0.1, 0, 1.7]), *stats.norm.ppf([1e-6, 0.025, 0.3])]))`;
      const { stdout } = spawnSync(debianPython, ['-c', script], { encoding: 'utf8' });
      const [low, high, ...normal] = JSON.parse(stdout) as number[];
      const ours = bootstrapMean(
        values.map((value) => [value]),
        createRandom(1),
        { resamples: 40_000 },
      );
      expect(ours.low).toBeCloseTo(low!, 2);
      expect(ours.high).toBeCloseTo(high!, 2);
      const cdf = [-8.5, -3, -0.1, 0, 1.7].map(normalCdf);
      const quantiles = [1e-6, 0.025, 0.3].map(normalQuantile);
      for (const [n, value] of [...cdf, ...quantiles].entries()) {
        expect(Math.abs(value - normal[n]!)).toBeLessThan(1e-12 + 1e-9 * Math.abs(normal[n]!));
      }
    },
  );
});
