import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLabelmap } from '@glisson/imaging/scan/read-labelmap';
import { readScan } from '@glisson/imaging/scan/read-scan';
import { writeLabelmapFile } from '@glisson/imaging/scan/write-volume';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { createPredictor } from '@glisson/nn/runtime/predictor';
import { namedWeights } from '@glisson/nn/training/named-weights';
import { fileSource } from '@glisson/nn/weights/byte-source';
import { openWeightFile } from '@glisson/nn/weights/open-weight-file';
import { readSafetensors, writeSafetensors } from '@glisson/nn/weights/safetensors';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasSharedWeights, realWeights, sharedPath } from '../../../../../testing/shared-data.ts';
import { isPatchPlan } from '../../plan/any-plan.ts';
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
      'training.patchSize': '65',
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
    const epochs = metrics.filter(({ kind }) => kind === 'epoch');
    expect(epochs).toHaveLength(4);
    expect(epochs[0]).toMatchObject({
      trainingLoss: expect.any(Number),
      trainingAccuracy: expect.any(Number),
    });
    expect(epochs[0]!.validationLoss).toBeGreaterThan(0);

    const predictor = await createPredictor(await readFile(join(root, 'plain', 'model.onnx')), {
      threads: 1,
    });
    expect(JSON.parse(predictor.metadata['glisson.plan']!)).toEqual(summary.plan);
    const { dims } = await predictor.run(new Float32Array(2 * 65 * 65), [2, 1, 65, 65]);
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

  test('held-out patients are watched without changing anything', async () => {
    await trainRun(tiny('watched', { watchTest: true }));
    const lines = (await readFile(join(root, 'watched', 'metrics.jsonl'), 'utf8')).split('\n');
    const isWatched = (line: string) => line.includes('"kind":"watched"');
    expect(lines.filter(isWatched)).toHaveLength(4);
    const [unwatched, watched] = await Promise.all(['plain', 'watched'].map(bytesOfRun));
    const plainLines = Buffer.from(unwatched!['metrics.jsonl']!, 'base64').toString();
    expect(lines.filter((line) => !isWatched(line)).join('\n')).toBe(plainLines);
    expect(watched!['model.onnx']).toBe(unwatched!['model.onnx']);
    const last = JSON.parse(lines.findLast(isWatched)!) as { lesionDice: number };
    expect(last.lesionDice).toBeGreaterThan(0.3);
    expect(await readFile(join(root, 'watched', 'curve.svg'), 'utf8')).toContain('held out, watched only');
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

  test('starts small: a few slices of each training case, one of the other patient, judged as always', async () => {
    const set = { 'training.steps': '6' };
    const summary = await trainRun(tiny('small', { startSmall: true, set }));
    if (!isPatchPlan(summary.plan)) throw new Error('not a patch plan');
    expect(summary.plan.training.small).toEqual({ trainingSlices: 4, validationSlices: 1 });
    expect(summary.plan.training.steps).toBe(6);
    expect(summary.validation.lesionDice).not.toBeNull();
    const unet = { ...tiny('never', { startSmall: true }), recipe: 'unet-2d', set: {} };
    await expect(trainRun(unet)).rejects.toMatchObject({ code: 'option-invalid' });
  });

  test('a head is tuned in the dense form: frozen layers stay, and its model is a classifier as any other', async () => {
    const patches = {
      'training.steps': '8',
      'training.stepsPerEpoch': '8',
      'training.hardNegatives.everyEpochs': '0',
    };
    await trainRun(tiny('before', { set: patches }));
    const weightsOf = async (run: string) => namedWeights(await readFile(join(root, run, 'model.onnx')));
    const before = await weightsOf('before');
    const file = join(root, 'before', 'model.onnx');
    const summary = await trainRun(
      tiny('tuned', {
        set: {
          ...patches,
          'training.windows': '4',
          'training.batchSize': '4',
          'training.transfer.weights': file,
          'training.transfer.frozen': '[{"names":["stage1","stage2","stage3","last"],"untilEpoch":null}]',
        },
      }),
    );
    expect(summary.plan).toMatchObject({ training: { windows: 4 } });
    const after = await weightsOf('tuned');
    expect(after['stage3.first.conv.weight']).toEqual(before['stage3.first.conv.weight']);
    expect(after['head.weight']!.values).not.toEqual(before['head.weight']!.values);
    expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort());
    await expect(
      trainRun(
        tiny('never-tuned', { set: { ...patches, 'training.windows': '4', 'inference.mode': 'batched' } }),
      ),
    ).rejects.toThrow(/training\.windows is 4, expected 1 with inference\.mode batched/);
  });

  test('first weights come from a file, and the log says which and what of it', async () => {
    const set = {
      'training.steps': '4',
      'training.stepsPerEpoch': '4',
      'training.hardNegatives.everyEpochs': '0',
    };
    await trainRun(tiny('donor', { set }));
    const file = join(root, 'weights.safetensors');
    const { arrays } = readSafetensors(
      new Uint8Array(await readFile(join(root, 'donor', 'checkpoints', 'last.safetensors'))),
    );
    const names = Object.keys(arrays).filter((name) => name.startsWith('parameters/'));
    const renamed = Object.fromEntries(
      names.map((name) => [name.slice('parameters/'.length), arrays[name]!]),
    );
    await writeFile(file, writeSafetensors({ arrays: renamed, metadata: {} }));
    const { plan } = await trainRun(
      tiny('heir', { set: { ...set, 'training.transfer.weights': file, 'training.steps': '1' } }),
    );
    if (!isPatchPlan(plan)) throw new Error('not a patch plan');
    expect(plan.training.transfer.sha256).toMatch(/^[0-9a-f]{64}$/);
    const log = (await readFile(join(root, 'heir', 'log.jsonl'), 'utf8')).trim().split('\n');
    const weights = log.map((line) => JSON.parse(line)).find(({ event }) => event === 'weights');
    expect(weights.loaded).toContain('head.weight');
    expect(weights.sha256).toBe(plan.training.transfer.sha256);
    await expect(
      trainRun(tiny('never', { set: { 'training.transfer.weights': join(data, 'patients.csv') } })),
    ).rejects.toMatchObject({ code: 'option-invalid' });
  });

  test.each([
    [{ 'training.stride': '0' }, 'option-invalid', 'training.stride'],
    [{ 'inference.outputStride': '0' }, 'option-invalid', 'inference.outputStride'],
    [{ 'preprocess.padding.pixels': '5' }, 'option-invalid', 'larger than the padded slice'],
    [{ 'training.transfer.frozen': '[{"names":["stage9"],"untilEpoch":null}]' }, 'option-invalid', 'stage9'],
    [{ 'training.stride': '39' }, 'data-invalid', 'smaller training.stride'],
  ] as const)('%o is refused before anything is written', async (set, code, message) => {
    await expect(trainRun(tiny('never', { set }))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
    expect(await readdir(root)).not.toContain('never');
  });

  test('a patient on both sides is refused, and training cases without lesion are', async () => {
    await expect(trainRun(tiny('never', { validation: ['B'], test: ['B'] }))).rejects.toMatchObject({
      code: 'split-impossible',
    });
    const healthy = join(root, 'healthy');
    await cp(data, healthy, { recursive: true });
    for (const n of [0, 1]) {
      const { volume } = await readScan(join(data, `volume-${n}.nii.gz`));
      const liver = Uint8Array.from(volume.voxels, (hu) => (hu > 60 ? 1 : 0));
      await writeLabelmapFile(
        join(healthy, `segmentation-${n}.nii.gz`),
        createLabelmap(volume.geometry, liver, liverLabels),
      );
    }
    await expect(trainRun({ ...tiny('never'), data: healthy })).rejects.toMatchObject({
      code: 'data-invalid',
      message: expect.stringContaining('No lesion'),
    });
    expect(await readdir(root)).not.toContain('never');
  });

  test('with a mask of the liver, findings lie in it and its volume is known', async () => {
    const model = await loadModel(join(root, 'plain'));
    const scan = await readScan(join(data, 'volume-2.nii.gz'));
    const liver = await readLabelmap(join(data, 'segmentation-2.nii.gz'));
    const found = await segmentScan(scan, model, { threads: 1, liver });
    expect(found.labelmap.voxels).toContain(1);
    expect(found.liverMl).toBeGreaterThan(0);
    expect(found.warnings.map(({ code }) => code)).not.toContain('liver-unknown');
    expect(found.lesionMl).toBeGreaterThan(0);
  });

  test('a model that is to look into the liver only says so when it is not told where that is', async () => {
    const model = await loadModel(join(root, 'plain'));
    if (model.kind !== 'patch') throw new Error(`a ${model.kind} model`);
    const inference = { ...model.plan.inference, mask: 'liver' as const };
    const inLiver = { ...model, plan: { ...model.plan, inference } };
    const scan = await readScan(join(data, 'volume-2.nii.gz'));
    const liver = await readLabelmap(join(data, 'segmentation-2.nii.gz'));
    const codes = ({ warnings }: { warnings: readonly { code: string }[] }) => warnings.map((w) => w.code);
    expect(codes(await segmentScan(scan, inLiver, { threads: 1 }))).toContain('liver-mask-missing');
    expect(codes(await segmentScan(scan, inLiver, { threads: 1, liver }))).not.toContain(
      'liver-mask-missing',
    );
    expect(codes(await segmentScan(scan, model, { threads: 1 }))).not.toContain('liver-mask-missing');
  });

  test.skipIf(!hasSharedWeights).each([
    [
      'patch-resnet18',
      'resnet18_tv_imagenet_os16_foldedbn.safetensors',
      { 'network.stages': '3' },
      ['conv1', 'bn1', 'layer1', 'layer2', 'layer3'],
    ],
    [
      'patch-densenet121',
      'densenet40_12_cifar10.safetensors',
      { 'network.family': 'densenet40' },
      ['features'],
    ],
  ] as const)(
    realWeights('%s starts from %s: everything but the head is loaded, frozen, and stays as it was'),
    async (recipe, name, more, frozen) => {
      const file = sharedPath('weights', name);
      const out = `transfer-${recipe}`;
      const { validation } = await trainRun({
        ...tiny(out, { recipe }),
        set: {
          ...more,
          'training.patchSize': '33',
          'training.batchSize': '4',
          'training.steps': '2',
          'training.stepsPerEpoch': '2',
          'training.validationSlices': '1',
          'training.hardNegatives.everyEpochs': '0',
          'training.transfer.weights': file,
          'training.transfer.frozen': JSON.stringify([{ names: frozen, untilEpoch: null }]),
          'inference.outputStride': '8',
        },
      });
      expect(validation.lesionDice).not.toBeNull();
      const log = (await readFile(join(root, out, 'log.jsonl'), 'utf8')).trim().split('\n');
      const origin = log.map((line) => JSON.parse(line)).find(({ event }) => event === 'weights');
      expect(origin.drawn.filter((drawn: string) => !/^(fc|classifier)\./.test(drawn))).toEqual([]);
      const model = namedWeights(new Uint8Array(await readFile(join(root, out, 'model.onnx'))));
      const opened = await openWeightFile(await fileSource(file));
      for (const array of [origin.loaded[0], origin.loaded.at(-1)] as string[]) {
        expect([...model[array]!.values], array).toEqual([...(await opened.read(array)).values]);
      }
      await opened.close();
    },
  );
});
