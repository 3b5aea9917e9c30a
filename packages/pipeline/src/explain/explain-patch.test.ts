import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityDirection } from '@glisson/imaging/geometry/geometry';
import { reorientVolume } from '@glisson/imaging/process/reorient';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { createVolume } from '@glisson/imaging/volume/volume';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writePatchModel } from '../testing/write-patch-model.ts';
import { compareDense, differenceOf } from './compare-dense.ts';
import { denseText } from './dense-text.ts';
import { explainPatch } from './explain-patch.ts';
import { judgeSlice } from './judge-slice.ts';
import { loadPatchModel } from './model-scan.ts';
import { drawPatch } from './patch-picture.ts';

const [width, height, depth] = [52, 44, 3];
const geometry = {
  size: [width, height, depth],
  spacing: [5, 5, 5],
  origin: [0, 0, 0],
  direction: identityDirection,
} as const;

/** A body with noise in air. */
function scan() {
  const random = createRandom(3, 'explain');
  const voxels = new Int16Array(width * height * depth).fill(-1000);
  for (let k = 0; k < depth; k++) {
    for (let y = 4; y < 40; y++) {
      for (let x = 4; x < 48; x++) {
        voxels[(k * height + y) * width + x] = Math.round(60 + 2 * x + 30 * random.normal());
      }
    }
  }
  return createVolume(geometry, voxels);
}

let folder = '';
const models: Record<string, string> = {};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'glisson-patch-'));
  const fields = { 'inference.outputStride': '2' };
  models.small = writePatchModel(folder, 'small', scan(), 'patch-small', fields);
  const more = { 'training.patchSize': '33', 'network.stages': '2' };
  models.padded = writePatchModel(folder, 'padded', scan(), 'patch-resnet18', { ...fields, ...more }, 0.05);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the heat map of one patch', () => {
  test('its probability is that of the pixel in the map of the slice, whatever the order of the voxels', async () => {
    const model = await loadPatchModel(models.small!);
    const { probability } = await judgeSlice(scan(), 2, model, undefined, { threads: 1 });
    const options = { at: [24, 20], slice: 2, method: 'grad-cam', threads: 1 } as const;
    const found = await explainPatch(scan(), model, options, undefined);
    // Windows of stride 2 of the crop, which begins at (4, 4).
    expect(found.probability).toBeCloseTo(probability[20 * width + 24]!, 4);
    expect(found.context).toMatchObject({ width: 44, height: 36, middle: [20, 16] });
    const stored = reorientVolume(scan(), { perm: [1, 0, 2], flip: [true, false, true] });
    const other = await explainPatch(stored, model, options, undefined);
    expect([...other.heat]).toEqual([...found.heat]);
    expect([...other.patch.grey]).toEqual([...found.patch.grey]);
  });

  test('occlusion: as many covers as there is room for; both ways agree on the probability', async () => {
    const model = await loadPatchModel(models.small!);
    const at = [30, 18] as const;
    const options = { at, slice: 1, threads: 1, cover: 22 };
    const covered = await explainPatch(scan(), model, { ...options, method: 'occlusion' }, undefined);
    const cam = await explainPatch(scan(), model, { ...options, method: 'grad-cam' }, undefined);
    expect(covered.covers).toEqual({ side: 22, count: 25 });
    expect(covered.probability).toBeCloseTo(cam.probability, 5);
    expect(covered.heat).toHaveLength(65 * 65);
    expect(covered.range.highest - covered.range.lowest).toBeGreaterThan(1e-3);
    const [x, y] = covered.hottest;
    expect(covered.heat[y * 65 + x]).toBe(covered.range.highest);
    expect(cam.positions).toEqual([4, 4]);
    expect(cam.range.lowest).toBeGreaterThanOrEqual(0);
  });

  test('as a picture of 1240 pixels, in which the heat is not grey', async () => {
    const model = await loadPatchModel(models.padded!);
    const options = { at: [4, 4], slice: 3, method: 'occlusion', cover: 9, threads: 1 } as const;
    const explained = await explainPatch(scan(), model, options, undefined);
    // At the corner of the body: what lies outside is the padding.
    expect(explained.patch.grey[0]).toBe(0);
    const { data, info } = await sharp(await drawPatch(explained))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.channels]).toEqual([1240, 3]);
    const coloured = (left: number) => {
      let count = 0;
      for (let y = 120; y < 460; y++) {
        for (let x = left + 5; x < left + 350; x++) {
          const at = 3 * (y * info.width + x);
          if (Math.abs(data[at]! - data[at + 2]!) > 30) count++;
        }
      }
      return count;
    };
    expect(coloured(780)).toBeGreaterThan(3000);
    expect(coloured(400)).toBeLessThan(600);
  });

  test('what is not there is refused', async () => {
    const model = await loadPatchModel(models.small!);
    const refused = (at: [number, number], slice: number, cover?: number) =>
      explainPatch(scan(), model, { at, slice, method: 'occlusion', ...(cover && { cover }) }, undefined);
    await expect(refused([20, 20], 4)).rejects.toThrow(/no such slice[\s\S]*1 to 3/);
    await expect(refused([52, 20], 1)).rejects.toThrow(/no such pixel[\s\S]*0 to 51/);
    await expect(refused([1, 20], 1)).rejects.toThrow(
      /outside of what the model looks at[\s\S]*44 x 36 pixels from 4, 4/,
    );
    await expect(refused([20, 20], 1, 66)).rejects.toThrow(/cover is larger/);
  });
});

describe('dense and patch by patch', () => {
  const labels = () => {
    const voxels = new Uint8Array(width * height * depth);
    for (let k = 0; k < depth; k++) {
      for (let y = 14; y < 30; y++)
        voxels.fill(2, (k * height + y) * width + 20, (k * height + y) * width + 36);
    }
    return createLabelmap(geometry, voxels, liverLabels);
  };

  test('a network without padding: the same to rounding', async () => {
    const model = await loadPatchModel(models.small!);
    const found = await compareDense(scan(), model, labels(), { slices: [1, 3], threads: 1 });
    expect(found.all.pixels).toBe(2 * 44 * 36);
    expect(found.all.largestDifference).toBeLessThan(1e-4);
    expect(found.dice!.dense).toBeCloseTo(found.dice!.patches, 6);
  });

  test('a network that pads: what differs is counted, slice by slice and together', async () => {
    const model = await loadPatchModel(models.padded!);
    const threshold = 0.5;
    const found = await compareDense(scan(), model, labels(), {
      slices: [1, 2],
      stride: 4,
      threshold,
      threads: 1,
    });
    expect(found).toMatchObject({ padding: 'same', stride: 4, patchSize: 33, threshold });
    const [first, second] = found.slices as [(typeof found.slices)[0], (typeof found.slices)[0]];
    expect(found.all.flips).toBe(first.flips + second.flips);
    expect(found.all.largestDifference).toBe(Math.max(first.largestDifference, second.largestDifference));
    expect(found.all.largestDifference).toBeGreaterThan(0.01);
    expect(found.bestDice!.dense.dice).toBeGreaterThanOrEqual(found.dice!.dense);
    const { rows, sentences } = denseText(found);
    expect(rows.map(([name]) => name)).toEqual(['1', '2', 'all']);
    expect(sentences.join(' ')).toMatch(/resnet18 with padding same, patches of 33 x 33, stride 4/);
    expect(sentences.join(' ')).toMatch(/Lesion Dice on these slices/);
  });

  test('without labels there is no Dice; slices must be there', async () => {
    const model = await loadPatchModel(models.small!);
    const found = await compareDense(scan(), model, undefined, { slices: [2], stride: 16, threads: 1 });
    expect(found).toMatchObject({ dice: null, bestDice: null });
    await expect(compareDense(scan(), model, undefined, { slices: [2, 4] })).rejects.toThrow(
      /no such slice[\s\S]*slice 4/,
    );
  });

  test('differences by hand', () => {
    expect(differenceOf([0.2, 0.6, 0.9], [0.2, 0.4, 1], 0.5)).toEqual({
      pixels: 3,
      meanDifference: expect.closeTo(0.1, 10),
      largestDifference: expect.closeTo(0.2, 10),
      flips: 1,
      meanDense: expect.closeTo(1.7 / 3, 10),
      meanPatches: expect.closeTo(1.6 / 3, 10),
    });
    expect(differenceOf([], [], 0.5)).toMatchObject({ pixels: 0, meanDifference: 0 });
  });
});
