import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readScan } from '@glisson/imaging/scan/read-scan';
import { createPredictor } from '@glisson/nn/runtime/predictor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PatchPlan } from '../../plan/patch-plan.ts';
import { loadModel } from '../../predict/load-model.ts';
import { segmentScan } from '../../predict/segment-scan.ts';
import { writeEllipses } from '../../testing/write-ellipses.ts';
import { type TrainOptions, trainRun } from '../train-run.ts';

let root: string;
let data: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'glisson-patch-run-'));
  data = join(root, 'data');
  await mkdir(data);
  for (const n of [0, 1, 2, 3]) await writeEllipses(data, n);
  await writeFile(join(data, 'patients.csv'), 'case,patient\n0,A\n1,A\n2,B\n3,C\n');
});

afterAll(() => rm(root, { recursive: true, force: true }));

/** Lesions of 7 x 6 pixels in slices of 40 x 36: the smallest patches that the network takes. */
function tiny(out: string, extra: Partial<TrainOptions> = {}): TrainOptions {
  return {
    data,
    recipe: 'patch-small',
    out: join(root, out),
    validation: ['B'],
    test: ['C'],
    threads: 1,
    cache: join(root, 'cache'),
    checkpointEverySteps: 3,
    ...extra,
    set: {
      'preprocess.equalise.method': 'none',
      'network.baseChannels': '4',
      'training.patchSize': '61',
      'training.batchSize': '8',
      'training.steps': '40',
      'training.stepsPerEpoch': '10',
      'training.validationSlices': '4',
      'training.optimiser.learningRate': '0.01',
      'training.weightAverageDecay': '0.8',
      'training.hardNegatives.slices': '3',
      'inference.outputStride': '2',
      ...extra.set,
    },
  };
}

/** Everything in a run whose bytes must not depend on when it ran. */
async function bytesOfRun(name: string): Promise<Record<string, string>> {
  const entries = ['plan.json', 'metrics.jsonl', 'model.onnx', 'curve.svg', 'evaluation.json'];
  const checkpoints = ['checkpoints/last.safetensors', 'checkpoints/best.safetensors'];
  const read = [...entries, ...checkpoints].map(async (entry) => [
    entry,
    (await readFile(join(root, name, entry))).toString('base64'),
  ]);
  return Object.fromEntries(await Promise.all(read));
}

/** Aborts when the given number of steps is done. */
function abortAfter(steps: number) {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    onProgress: (event: { stage: string; done: number; note?: string }) => {
      if (event.stage === 'train' && event.done === steps && event.note?.startsWith('loss')) {
        controller.abort(new Error('enough'));
      }
    },
  };
}

describe('training a classifier of patches', () => {
  test('finds lesions, leaves a run whose model carries the plan, and segments the same in all three ways', async () => {
    const summary = await trainRun(tiny('plain'));
    expect(summary.validation.lesionDice).toBeGreaterThan(0.5);
    expect(summary.validation.liverDice).toBeNull();
    const lines = (await readFile(join(root, 'plain', 'metrics.jsonl'), 'utf8')).trim().split('\n');
    const metrics = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(metrics[0]).toMatchObject({ kind: 'steps', step: 10, accuracy: expect.any(Number) });
    expect(metrics.filter(({ kind }) => kind === 'epoch')).toHaveLength(4);

    const predictor = await createPredictor(await readFile(join(root, 'plain', 'model.onnx')), {
      threads: 1,
    });
    expect(JSON.parse(predictor.metadata['glisson.plan']!)).toEqual(summary.plan);
    const { dims } = await predictor.run(new Float32Array(2 * 61 * 61), [2, 1, 61, 61]);
    expect(dims).toEqual([2, 2]);
    await predictor.close();

    const model = await loadModel(join(root, 'plain'));
    if (model.kind !== 'patch') throw new Error(`a ${model.kind} model`);
    const scan = await readScan(join(data, 'volume-2.nii.gz'));
    const withMode = (inference: Partial<PatchPlan['inference']>) =>
      segmentScan(
        scan,
        { ...model, plan: { ...model.plan, inference: { ...model.plan.inference, ...inference } } },
        { threads: 1 },
      );
    const dense = await withMode({});
    expect(dense.labelmap.voxels.some((label) => label === 2)).toBe(true);
    expect(dense.labelmap.voxels.some((label) => label === 1)).toBe(false);
    expect(dense.liverMl).toBe(0);
    expect(dense.warnings.map(({ code }) => code)).toContain('liver-unknown');
    for (const mode of ['batched', 'patches'] as const) {
      const other = await withMode({ mode });
      expect(other.labelmap.voxels, mode).toEqual(dense.labelmap.voxels);
      expect(other.lesions.map(({ voxels }) => voxels)).toEqual(dense.lesions.map(({ voxels }) => voxels));
      for (const [n, { confidence }] of other.lesions.entries()) {
        expect(confidence).toBeCloseTo(dense.lesions[n]!.confidence!, 2);
      }
    }
  });

  test('stopped anywhere and resumed, also between layers that learn and do not, it ends with the same bytes', async () => {
    const set = {
      'training.steps': '24',
      'training.stepsPerEpoch': '8',
      'training.transfer.frozen': '[{"names":["stage1"],"untilEpoch":2}]',
      'training.transfer.groups': '[{"names":["head"],"learningRateFactor":2,"weightDecay":null}]',
    };
    await trainRun(tiny('whole', { set }));
    await expect(trainRun(tiny('parts', { set }), abortAfter(7))).rejects.toThrow('enough');
    await expect(trainRun(tiny('parts', { set, resume: true }), abortAfter(17))).rejects.toThrow('enough');
    await trainRun(tiny('parts', { set, resume: true }));
    expect(await bytesOfRun('parts')).toEqual(await bytesOfRun('whole'));
  });
});
