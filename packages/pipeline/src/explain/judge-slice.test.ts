import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityDirection } from '@glisson/imaging/geometry/geometry';
import { reorientVolume } from '@glisson/imaging/process/reorient';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import { createVolume } from '@glisson/imaging/volume/volume';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writePatchModel } from '../testing/write-patch-model.ts';
import { judgeSlice } from './judge-slice.ts';
import { loadPatchModel } from './model-scan.ts';

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
  for (const mode of ['dense', 'patches']) {
    models[mode] = writePatchModel(folder, mode, scan(), 'patch-small', {
      'inference.mode': mode,
      'inference.outputStride': '2',
    });
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
