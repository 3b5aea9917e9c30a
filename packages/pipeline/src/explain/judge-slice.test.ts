import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityDirection } from '@glisson/imaging/geometry/geometry';
import { reorientVolume } from '@glisson/imaging/process/reorient';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { createVolume } from '@glisson/imaging/volume/volume';
import { declarationsOf } from '@glisson/nn/training/declarations';
import { exportModel } from '@glisson/nn/training/export-model';
import { initialWeights } from '@glisson/nn/training/initialise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { summariseCase } from '../fingerprint/case-summary.ts';
import { patchNetwork } from '../patches/patch-network.ts';
import type { PatchPlan } from '../plan/patch-plan.ts';
import { planText } from '../plan/plan-text.ts';
import { findRecipe } from '../plan/recipes/recipes.ts';
import { parseFields } from '../plan/set-fields.ts';
import { planMetadataKey } from '../predict/load-model.ts';
import { judgeSlice, loadPatchModel } from './judge-slice.ts';

const geometry = {
  size: [48, 40, 3],
  spacing: [5, 5, 5],
  origin: [0, 0, 0],
  direction: identityDirection,
} as const;

/** A body with noise in air. */
function scan() {
  const random = createRandom(3, 'judge');
  const voxels = new Int16Array(48 * 40 * 3).fill(-1000);
  for (let k = 0; k < 3; k++) {
    for (let y = 6; y < 34; y++) {
      for (let x = 8; x < 42; x++)
        voxels[(k * 40 + y) * 48 + x] = Math.round(60 + 4 * x + 40 * random.normal());
    }
  }
  return createVolume(geometry, voxels);
}

let folder = '';
const models: Record<string, string> = {};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'glisson-judge-'));
  const volume = scan();
  const labels = createLabelmap(geometry, new Uint8Array(volume.voxels.length).fill(1), liverLabels);
  const { plan: planOf, schema } = findRecipe('patch-small');
  for (const mode of ['dense', 'patches']) {
    const set = parseFields({ 'inference.mode': mode, 'inference.outputStride': '2' }, schema);
    const split = { train: ['a'], validation: ['a'], test: [], patients: { a: 'A' } };
    const cases = [summariseCase('a', 'A', volume, labels)];
    const plan = planOf({ cases, dataHash: 'data', split, set }) as PatchPlan;
    const network = patchNetwork(plan.network);
    const weights = initialWeights(network, declarationsOf(network), { random: createRandom(1, 'weights') });
    const imageShape = [1, network.inputChannels, plan.training.patchSize, plan.training.patchSize];
    const metadata = { [planMetadataKey]: planText(plan) };
    models[mode] = join(folder, `${mode}.onnx`);
    writeFileSync(models[mode], exportModel({ network, weights, imageShape, metadata, named: true }));
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the map of one slice: the same all at once and patch by patch, only in the body, cut at the threshold', async () => {
  const dense = await judgeSlice(scan(), 2, await loadPatchModel(models.dense!), undefined);
  const patches = await judgeSlice(scan(), 2, await loadPatchModel(models.patches!), undefined);
  expect(dense.probability).toHaveLength(48 * 40);
  expect(dense.probability[0]).toBe(0);
  const inside = dense.probability.filter((value) => value > 0);
  expect(inside.length).toBeGreaterThan(0.8 * 28 * 34);
  expect(Math.max(...inside) - Math.min(...inside)).toBeGreaterThan(0.01);
  for (const [at, value] of patches.probability.entries()) {
    expect(Math.abs(value - dense.probability[at]!)).toBeLessThan(1e-4);
  }
  const { plan } = await loadPatchModel(models.dense!);
  const { lesionThreshold } = plan.postprocess;
  expect([...dense.labels]).toEqual(
    [...dense.probability].map((value) => (value >= lesionThreshold ? 2 : 0)),
  );
});

test('a scan that is stored in another order looks the same in the view', async () => {
  const model = await loadPatchModel(models.dense!);
  const stored = reorientVolume(scan(), { perm: [1, 0, 2], flip: [true, false, true] });
  const [plain, other] = [
    await judgeSlice(scan(), 1, model, undefined),
    await judgeSlice(stored, 1, model, undefined),
  ];
  expect([...other.labels]).toEqual([...plain.labels]);
  expect([...other.probability]).toEqual([...plain.probability]);
});

test('other models are refused', async () => {
  await expect(loadPatchModel(join(folder, 'none'))).rejects.toThrow(/is not there/);
});
