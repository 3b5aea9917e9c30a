import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeRun } from '../../testing/made-run.ts';
import type { Metrics } from '../../train/metrics.ts';
import { readCurve, readCurves } from './read-curve.ts';
import { bestEpochOf, curveOf, measuresOf } from './run-curve.ts';
import { runCurveSvg } from './run-curve-svg.ts';

const training = { steps: 40, stepsPerEpoch: 10 };
const softDice = [0.9, 0.2, 0.1];
/** As they were written before epochs held training values. */
const old: Metrics[] = [
  { kind: 'steps', step: 10, loss: 1.2, crossEntropy: 0.7, softDice, learningRate: 1e-3 },
  { kind: 'epoch', epoch: 1, step: 10, liverDice: 0.8, lesionDice: null, score: 0.8, best: true },
  { kind: 'steps', step: 20, loss: 0.6, crossEntropy: 0.3, softDice, learningRate: 1e-3 },
  { kind: 'epoch', epoch: 2, step: 20, liverDice: 0.7, lesionDice: null, score: 0.7, best: false },
];

describe('the curve of a run', () => {
  test('has training values also where epochs do not hold them, and nothing where nothing was measured', () => {
    const curve = curveOf('old', old, training);
    expect(curve.epochs[1]).toEqual({
      epoch: 2,
      step: 20,
      loss: { training: 0.6, validation: null, watched: null },
      lesionDice: { training: 0.1, validation: null, watched: null },
      liverDice: { training: 0.2, validation: 0.7, watched: null },
      trainingAccuracy: null,
      score: 0.7,
      best: false,
    });
    expect(curve.steps).toEqual([
      { epoch: 1, loss: 1.2 },
      { epoch: 2, loss: 0.6 },
    ]);
    expect(curve.plannedEpochs).toBe(4);
    expect(bestEpochOf(curve)?.epoch).toBe(1);
  });

  test('takes what epochs hold, and held-out patients that were watched', () => {
    const epoch = { epoch: 1, step: 10, liverDice: null, lesionDice: 0.5, score: 0.5 };
    const curve = curveOf(
      'new',
      [
        {
          kind: 'epoch',
          ...epoch,
          best: true,
          trainingLoss: 0.3,
          trainingAccuracy: 0.9,
          validationLoss: 0.4,
        },
        { kind: 'watched', ...epoch, lesionDice: 0.45, validationLoss: 0.5 },
      ],
      training,
    );
    expect(curve.epochs[0]!.loss).toEqual({ training: 0.3, validation: 0.4, watched: 0.5 });
    expect(curve.epochs[0]!.lesionDice).toEqual({ training: null, validation: 0.5, watched: 0.45 });
    expect(curve.epochs[0]!.trainingAccuracy).toBe(0.9);
    expect(measuresOf([curve])).toEqual(['loss', 'lesionDice']);
  });
});

describe('the picture in a run', () => {
  test('marks the best epoch; the same metrics give the same bytes', () => {
    const svg = runCurveSvg(old, training);
    expect(svg).toContain('best: epoch 1, liver 0.800<');
    expect(svg).toContain('2 of 4 epochs');
    expect(svg).not.toMatch(/NaN|Infinity|undefined|null/);
    expect(svg).toBe(runCurveSvg(old, training));
  });

  test('has no liver where it is never judged', () => {
    const lines: Metrics[] = [
      { kind: 'steps', step: 10, loss: 1.2, accuracy: 0.5, learningRate: 1e-3 },
      { kind: 'epoch', epoch: 1, step: 10, liverDice: null, lesionDice: 0.4, score: 0.4, best: true },
    ];
    expect(runCurveSvg(lines, training)).not.toContain('liver');
    expect(runCurveSvg(old, training)).toContain('>Dice of the liver<');
  });

  test.each([0, 1, 2])('is drawn of %i lines', (count) => {
    expect(runCurveSvg(old.slice(0, count), training)).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe('reading', () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'glisson-curve-'));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  test('a run gives its curve under the name of its folder; two of a name, under their paths', async () => {
    await makeRun(join(root, 'a', 'run'));
    await makeRun(join(root, 'b', 'run'), { state: 'running' });
    const [one] = await readCurves([join(root, 'a', 'run')]);
    expect(one).toMatchObject({ name: 'run' });
    expect(one!.epochs).toHaveLength(4);
    expect(bestEpochOf(one!)?.epoch).toBe(3);
    const two = await readCurves([join(root, 'a', 'run'), join(root, 'b', 'run')]);
    expect(two[0]!.name).toMatch(/a.run$/);
    expect(two[1]!.name).toMatch(/b.run$/);
  });

  test('a line that was cut off and lines of other kinds are passed over', async () => {
    const folder = join(root, 'cut');
    await makeRun(folder);
    const epoch =
      '{"kind":"epoch","epoch":1,"step":10,"liverDice":null,"lesionDice":0.4,"score":0.4,"best":true}';
    await writeFile(join(folder, 'metrics.jsonl'), `${epoch}\n{"kind":"later"}\n{"kind":"epo`);
    expect((await readCurve(folder)).epochs).toHaveLength(1);
  });

  test.each([
    ['{"kind":"epoch","epoch":1}\n', 'run-invalid', 'line 1'],
    ['', 'run-invalid', 'no epoch'],
  ])('refuses metrics %j', async (text, code, message) => {
    const folder = join(root, 'damaged');
    await makeRun(folder);
    await writeFile(join(folder, 'metrics.jsonl'), text);
    await expect(readCurve(folder)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  test('refuses a folder that is no run, and one whose plan is damaged', async () => {
    await expect(readCurve(root)).rejects.toMatchObject({ code: 'run-invalid' });
    const folder = join(root, 'planless');
    await makeRun(folder);
    await writeFile(join(folder, 'plan.json'), '{');
    await expect(readCurve(folder)).rejects.toMatchObject({ code: 'run-invalid' });
  });
});
