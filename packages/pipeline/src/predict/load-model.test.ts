import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import { segmentation } from '@glisson/nn/training/segmentation';
import { createTrainer } from '@glisson/nn/training/trainer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Plan } from '../plan/plan.ts';
import { unetNetwork } from '../plan/unet-network.ts';
import { blockPhantom, scanOf, thresholdPlan } from '../testing/threshold-model.ts';
import { loadModel, planMetadataKey } from './load-model.ts';
import { segmentScan } from './segment-scan.ts';

const plan = thresholdPlan();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glisson-model-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** An untrained network with the given metadata, as training would export it. */
async function exportUntrained(metadata: Record<string, string>): Promise<Uint8Array> {
  const { network, training } = plan;
  const trainer = await createTrainer({
    network: unetNetwork(network),
    imageShape: [1, network.inputChannels, training.patchSize[1], training.patchSize[0]],
    loss: segmentation(training.loss),
    optimiser: { name: 'sgd' },
    random: createRandom(1),
    threads: 1,
  });
  try {
    return await trainer.exportModel({ averaged: false, metadata });
  } finally {
    await trainer.close();
  }
}

async function runFolder(name: string, model?: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await mkdir(path, { recursive: true });
  if (model !== undefined) await writeFile(join(path, 'model.onnx'), model);
  return path;
}

describe('loading a model', () => {
  test('a RUN folder and its model.onnx give the same, and the engine runs it on a scan', async () => {
    const text = JSON.stringify(plan);
    const run = await runFolder('run', await exportUntrained({ [planMetadataKey]: text }));
    const model = await loadModel(run);
    expect(model.plan).toEqual(plan);
    expect(await loadModel(join(run, 'model.onnx'))).toEqual(model);
    expect(model.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(model.planHash).not.toBe(model.hash);

    const scan = scanOf(blockPhantom().volume);
    const [first, second] = [await segmentScan(scan, model, { threads: 1 }), await segmentScan(scan, model)];
    expect(first.labelmap.geometry).toBe(scan.volume.geometry);
    expect(Buffer.compare(first.labelmap.voxels, second.labelmap.voxels)).toBe(0);

    const abort = new AbortController();
    const control = {
      signal: abort.signal,
      onProgress: ({ stage }: { stage: string }) => stage === 'segment' && abort.abort(new Error('enough')),
    };
    await expect(segmentScan(scan, model, { threads: 1 }, control)).rejects.toThrow('enough');
  });

  test('what is no model says so, and what to do', async () => {
    const noPlan = await exportUntrained({ author: 'somebody' });
    const other: Plan = { ...plan, version: 99 as 1 };
    const withPlan = async (text: string) => exportUntrained({ [planMetadataKey]: text });
    const cases: [string, string, RegExp][] = [
      [join(folder, 'absent'), 'model-invalid', /not there/],
      [await runFolder('empty'), 'model-invalid', /no trained model.*--resume/s],
      [await runFolder('text', Buffer.from('hello, this is no model')), 'model-invalid', /not an ONNX model/],
      [await runFolder('nothing', new Uint8Array(0)), 'model-invalid', /./],
      [await runFolder('truncated', noPlan.subarray(0, noPlan.length >> 1)), 'model-invalid', /./],
      [await runFolder('stranger', noPlan), 'model-invalid', /glisson\.plan/],
      [await runFolder('version', await withPlan(JSON.stringify(other))), 'plan-version', /version 99/],
      [await runFolder('damaged', await withPlan('{"version": 1')), 'plan-invalid', /JSON/],
      [
        await runFolder('faulty', await withPlan(JSON.stringify({ ...plan, network: {} }))),
        'plan-invalid',
        /network/,
      ],
    ];
    for (const [path, code, message] of cases) {
      const error = await loadModel(path).catch((thrown: unknown) => thrown);
      expect(error, path).toMatchObject({ name: 'PipelineError', code });
      expect((error as Error).message).toMatch(message);
      expect((error as Error).message).toContain(path);
    }
  });
});
