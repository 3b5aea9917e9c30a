import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import { readScan } from '@glisson/imaging/scan/read-scan';
import { classification } from '@glisson/nn/training/classification';
import { namedWeights } from '@glisson/nn/training/named-weights';
import { createTrainer } from '@glisson/nn/training/trainer';
import { readSafetensors } from '@glisson/nn/weights/safetensors';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { patchNetwork } from '../../patches/patch-network.ts';
import { isPatchPlan } from '../../plan/any-plan.ts';
import type { PatchPlan } from '../../plan/patch-plan.ts';
import { loadModel } from '../../predict/load-model.ts';
import { segmentScan } from '../../predict/segment-scan.ts';
import { writeEllipses } from '../../testing/write-ellipses.ts';
import { optimiserOptions } from '../optimiser-options.ts';
import { type TrainOptions, trainRun } from '../train-run.ts';
import { findTrainingData, prepareSides } from '../training-data.ts';
import { backboneFile } from './backbone-file.ts';
import { createFeatureBatch, drawPatch, featuresOfStep, openFeaturePool } from './feature-pool.ts';
import { openPatchCase } from './patch-case.ts';

let root: string;
let data: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'glisson-feature-run-'));
  data = join(root, 'data');
  await mkdir(data);
  for (const n of [0, 1, 2, 3]) await writeEllipses(data, n);
  await writeFile(join(data, 'patients.csv'), 'case,patient\n0,A\n1,A\n2,B\n3,C\n');
  // A backbone that knows something, as a file of weights.
  await trainRun(
    tiny('donor', {
      set: {
        'training.steps': '30',
        'training.stepsPerEpoch': '15',
        'training.hardNegatives.everyEpochs': '0',
      },
    }),
  );
  const donor = await loadModel(join(root, 'donor'));
  if (donor.kind !== 'patch') throw new Error(`a ${donor.kind} model`);
  const about = { trainedOn: 'phantoms', commit: 'abc' };
  await writeFile(join(root, 'backbone.safetensors'), backboneFile(donor.plan, donor.onnx, about));
});

afterAll(() => rm(root, { recursive: true, force: true }));

function tiny(out: string, extra: Partial<TrainOptions> = {}): TrainOptions {
  return {
    data,
    recipe: 'patch-small',
    out: join(root, out),
    validation: ['B'],
    test: ['C'],
    threads: 1,
    cache: join(root, 'cache'),
    checkpointEverySteps: 7,
    ...extra,
    set: {
      'preprocess.equalise.method': 'none',
      'network.baseChannels': '4',
      'training.batchSize': '8',
      'training.validationSlices': '3',
      'training.optimiser.learningRate': '0.01',
      'training.weightAverageDecay': '0.8',
      'inference.outputStride': '4',
      ...extra.set,
    },
  };
}

const onFeatures = (more: Record<string, string> = {}) => ({
  'training.steps': '60',
  'training.stepsPerEpoch': '20',
  'training.features.patches': '120',
  'training.transfer.weights': join(root, 'backbone.safetensors'),
  ...more,
});

async function logOf(run: string): Promise<Record<string, unknown>[]> {
  const lines = (await readFile(join(root, run, 'log.jsonl'), 'utf8')).trim().split('\n');
  return lines.map((line) => JSON.parse(line));
}

async function featuresFinding(run: string): Promise<string> {
  return String((await logOf(run)).find(({ code }) => code === 'features-kept')!.message);
}

async function bytesOfRun(name: string): Promise<Record<string, string>> {
  const entries = [
    'plan.json',
    'metrics.jsonl',
    'model.onnx',
    'evaluation.json',
    'checkpoints/last.safetensors',
  ];
  const read = entries.map(async (entry) => [
    entry,
    (await readFile(join(root, name, entry))).toString('base64'),
  ]);
  return Object.fromEntries(await Promise.all(read));
}

test('a backbone as a file has all but the head, and says what it was trained on', async () => {
  const file = readSafetensors(new Uint8Array(await readFile(join(root, 'backbone.safetensors'))));
  expect(Object.keys(file.arrays)).toContain('stage3.second.norm.running_var');
  expect(Object.keys(file.arrays).some((name) => name.startsWith('head'))).toBe(false);
  expect(file.metadata).toMatchObject({
    'glisson.trainedOn': 'phantoms',
    'glisson.recipe': 'patch-small',
    'glisson.seed': '1',
    'glisson.commit': 'abc',
  });
});

describe('training a head on features of frozen layers', () => {
  test('finds lesions; the model is like any other, its frozen layers are those of the file', async () => {
    const { validation, plan } = await trainRun(tiny('plain', { set: onFeatures() }));
    if (!isPatchPlan(plan)) throw new Error('not a patch plan');
    expect(plan.training.features).toEqual({ patches: 120, copies: 0, memoryMB: 1000 });
    expect(plan.training.transfer.frozenParts).toBe('all');
    expect(plan.training.hardNegatives.everyEpochs).toBe(0);
    expect(validation.lesionDice).toBeGreaterThan(0.3);
    const runFile = JSON.parse(await readFile(join(root, 'plain', 'run.json'), 'utf8'));
    expect(runFile.weights.origin).toBe('phantoms');
    expect(await featuresFinding('plain')).toMatch(/120 patches \(32 x 1 x 1 numbers each\), computed now/);

    const model = await loadModel(join(root, 'plain'));
    if (model.kind !== 'patch') throw new Error(`a ${model.kind} model`);
    const [own, donor] = [model.onnx, await readFile(join(root, 'donor', 'model.onnx'))].map((bytes) =>
      namedWeights(new Uint8Array(bytes)),
    );
    for (const name of ['stage1.first.conv.weight', 'last.norm.running_var']) {
      expect([...own![name]!.values], name).toEqual([...donor![name]!.values]);
    }
    expect([...own!['head.weight']!.values]).not.toEqual([...donor!['head.weight']!.values]);

    const scan = await readScan(join(data, 'volume-2.nii.gz'));
    const withMode = (mode: PatchPlan['inference']['mode']) => {
      const inference = { ...model.plan.inference, mode };
      return segmentScan(scan, { ...model, plan: { ...model.plan, inference } }, { threads: 1 });
    };
    const dense = await withMode('dense');
    expect(dense.labelmap.voxels).toContain(2);
    expect((await withMode('batched')).labelmap.voxels).toEqual(dense.labelmap.voxels);
  });

  test('features come from the cache the next time, and other learning rates share them; a damaged file is made anew', async () => {
    await trainRun(tiny('again', { set: onFeatures() }));
    expect(await featuresFinding('again')).toContain('from the cache');
    expect(await bytesOfRun('again')).toEqual(await bytesOfRun('plain'));
    await trainRun(
      tiny('other', {
        set: onFeatures({ 'training.optimiser.learningRate': '0.003', 'network.dropout': '0.2' }),
      }),
    );
    expect(await featuresFinding('other')).toContain('from the cache');
    await trainRun(tiny('seeded', { seed: 2, set: onFeatures() }));
    expect(await featuresFinding('seeded')).toContain('computed now');
    for (const name of await readdir(join(root, 'cache'))) {
      if (!name.endsWith('.features')) continue;
      const bytes = await readFile(join(root, 'cache', name));
      await writeFile(join(root, 'cache', name), bytes.subarray(0, bytes.length - 9));
    }
    await trainRun(tiny('mended', { set: onFeatures() }));
    expect(await featuresFinding('mended')).toContain('computed now');
    expect(await bytesOfRun('mended')).toEqual(await bytesOfRun('plain'));
  });

  test('stopped and resumed, it ends with the same bytes', async () => {
    const controller = new AbortController();
    const onProgress = ({ stage, done }: { stage: string; done: number }) => {
      if (stage === 'train' && done === 33) controller.abort(new Error('enough'));
    };
    const stopped = trainRun(tiny('parts', { set: onFeatures() }), { signal: controller.signal, onProgress });
    await expect(stopped).rejects.toThrow('enough');
    await trainRun(tiny('parts', { resume: true, set: onFeatures() }));
    expect(await bytesOfRun('parts')).toEqual(await bytesOfRun('plain'));
  });

  test('copies are augmented, and parts that are not frozen learn', async () => {
    const set = onFeatures({
      'training.features.patches': '40',
      'training.features.copies': '3',
      'training.transfer.frozenParts': '2',
    });
    const { validation } = await trainRun(tiny('parts-2', { set }));
    expect(validation.lesionDice).not.toBeNull();
    expect(await featuresFinding('parts-2')).toContain('120 patches (8 x 13 x 13');
    const weights = namedWeights(new Uint8Array(await readFile(join(root, 'parts-2', 'model.onnx'))));
    const donor = namedWeights(new Uint8Array(await readFile(join(root, 'donor', 'model.onnx'))));
    const same = (name: string) => weights[name]!.values.join() === donor[name]!.values.join();
    expect(same('stage2.second.conv.weight')).toBe(true);
    expect(same('stage3.first.conv.weight')).toBe(false);
  });

  test.each([
    [{ 'training.features.patches': '10', 'training.transfer.frozenParts': '0' }, 'never learn'],
    [{ 'training.features.patches': '10', 'training.hardNegatives.everyEpochs': '1' }, 'drawn once'],
    [{ 'training.features.patches': '9000000' }, 'do not fit'],
    [{ 'training.transfer.frozenParts': '5' }, 'at most 4'],
  ] as const)('%o is refused before anything is written', async (set, message) => {
    await expect(trainRun(tiny('never', { set }))).rejects.toMatchObject({
      code: expect.stringMatching(/option-invalid|plan-invalid/),
      message: expect.stringContaining(message),
    });
    expect(await readdir(root)).not.toContain('never');
  });
});

test('without dropout and augmentation the head is that of ordinary training on the same patches', async () => {
  const set = onFeatures({ 'network.dropout': '0', 'training.steps': '2', 'training.stepsPerEpoch': '2' });
  const { plan } = await trainRun(tiny('reference', { set }));
  if (!isPatchPlan(plan)) throw new Error('not a patch plan');
  const { training } = plan;
  const found = await findTrainingData(data, {});
  const sides = await prepareSides(
    found,
    plan,
    join(root, 'cache'),
    { memoryBytes: 1e9, watchTest: false },
    {},
  );
  const cases = sides.train.map((prepared) => openPatchCase(prepared, plan));
  const backbone = namedWeights(new Uint8Array(await readFile(join(root, 'donor', 'model.onnx'))));
  const initial = Object.fromEntries(
    Object.entries(backbone).filter(([name]) => /^(stage\d|last)\./.test(name)),
  );
  const first = { random: createRandom(1, 'weights'), initial };
  const options = { first, cache: join(root, 'unused'), threads: 1, cases: () => cases };
  const pool = await openFeaturePool(plan, options, {});
  const common = {
    loss: classification({ classWeights: training.classWeights }),
    optimiser: optimiserOptions(training.optimiser),
    threads: 1,
    random: createRandom(0),
  };
  const ordinary = await createTrainer({
    ...common,
    network: patchNetwork(plan.network),
    imageShape: [8, 1, 65, 65],
    initial: pool.weights,
    groups: [{ names: ['stage1', 'stage2', 'stage3', 'last'], frozen: true }],
  });
  const head = await createTrainer({
    ...common,
    network: pool.head,
    imageShape: [8, ...pool.shape],
    initial: pool.headWeights,
  });
  for (let step = 0; step < 20; step++) {
    const chosen = featuresOfStep(120, 8, training.seed, step);
    const drawn = chosen.map((at) => drawPatch(cases, plan, at));
    const images = new Float32Array(8 * 65 * 65);
    for (const [n, one] of drawn.entries()) images.set(one.images, n * 65 * 65);
    const batch = createFeatureBatch(pool, training, step);
    expect([...batch.targets]).toEqual(drawn.map(({ target }) => target));
    const targets = batch.targets.slice();
    const [a, b] = await Promise.all([
      ordinary.step({ images, targets, learningRate: 0.01 }),
      head.step({ ...batch, learningRate: 0.01 }),
    ]);
    expect(b.loss).toBeCloseTo(a.loss, 5);
  }
  const [whole, part] = await Promise.all([
    ordinary.weights({ averaged: false }),
    head.weights({ averaged: false }),
  ]);
  expect(Object.keys(part)).toEqual(['head.weight', 'head.bias']);
  for (const [name, { values }] of Object.entries(part)) {
    for (const [i, value] of values.entries())
      expect(Math.abs(value - whole[name]!.values[i]!)).toBeLessThan(1e-5);
  }
  await Promise.all([ordinary.close(), head.close()]);
  sides.close();
});
