import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Geometry } from '@glisson/imaging/geometry/geometry';
import { type AxisMap, reorientVolume } from '@glisson/imaging/process/reorient';
import { readLabelmap } from '@glisson/imaging/scan/read-labelmap';
import type { Scan } from '@glisson/imaging/volume/scan';
import { createVolume } from '@glisson/imaging/volume/volume';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { segmentScan } from '../predict/segment-scan.ts';
import type { Segmentation } from '../predict/segmentation.ts';
import {
  blockPhantom,
  modelOf,
  scanOf,
  thresholdPlan,
  thresholdPredictor,
} from '../testing/threshold-model.ts';
import { writeSegmentation } from './write-outputs.ts';

const plan = thresholdPlan();
const model = modelOf(plan);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glisson-report-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const segment = (scan: Scan) => segmentScan(scan, model, { predictor: thresholdPredictor(plan) });

async function readMask(path: string) {
  const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
  expect(await sharp(path).metadata()).toMatchObject({
    format: 'png',
    depth: 'uchar',
    space: 'b-w',
    channels: 1,
  });
  // sharp shows grey pictures as three equal channels or one.
  return { width: info.width, height: info.height, pixels: data.filter((_, i) => i % info.channels === 0) };
}

async function expectMasks(out: string, scan: Scan, { labelmap }: Segmentation, isReversed: boolean) {
  const [width, height, depth] = scan.volume.geometry.size;
  for (const [name, least] of [
    ['masks', 2],
    ['masks-liver', 1],
  ] as const) {
    const index = JSON.parse(await readFile(join(out, name, 'index.json'), 'utf8'));
    expect(index.slices).toHaveLength(depth);
    expect((await readdir(join(out, name))).length).toBe(depth + 1);
    for (let number = 1; number <= depth; number++) {
      const k = isReversed ? depth - number : number - 1;
      const file = `${String(number).padStart(4, '0')}.png`;
      expect(index.slices[number - 1]).toMatchObject({ number, file, index: k, sopInstanceUid: `1.2.${k}` });
      const mask = await readMask(join(out, name, file));
      expect([mask.width, mask.height]).toEqual([width, height]);
      const slice = labelmap.voxels.subarray(k * width * height, (k + 1) * width * height);
      expect(
        Buffer.compare(
          mask.pixels,
          Uint8Array.from(slice, (v) => (v >= least ? 255 : 0)),
        ),
      ).toBe(0);
    }
  }
}

const axes: [string, AxisMap, boolean][] = [
  ['feet first', { perm: [0, 1, 2], flip: [false, false, false] }, false],
  ['head first, flipped in plane', { perm: [0, 1, 2], flip: [true, false, true] }, true],
  ['coronal, back first', { perm: [0, 2, 1], flip: [false, true, true] }, true],
];

describe('the output folder', () => {
  test.each(axes)(
    'masks are the labels of the source slices, pixel for pixel: %s',
    async (name, map, isReversed) => {
      const volume = reorientVolume(blockPhantom().volume, map);
      const slices = Array.from({ length: volume.geometry.size[2] }, (_, k) => ({
        sopInstanceUid: `1.2.${k}`,
      }));
      const scan = scanOf(volume, { slices });
      const segmentation = await segment(scan);
      const out = join(folder, name);
      await writeSegmentation(out, scan, segmentation, { model });
      await expectMasks(out, scan, segmentation, isReversed);
      const labels = await readLabelmap(join(out, 'labels.nii.gz'));
      expect(Buffer.compare(labels.voxels, segmentation.labelmap.voxels)).toBe(0);
      expect((await sharp(join(out, 'overview.png')).metadata()).width).toBeGreaterThan(1000);
    },
  );

  test('holds everything, the same bytes each time except for the clock', async () => {
    const scan = scanOf(blockPhantom().volume);
    const names = [
      'labels.nii.gz',
      'lesions.csv',
      'lesions.json',
      'overview.png',
      'report.html',
      'provenance.json',
    ];
    const [a, b] = [join(folder, 'a'), join(folder, 'b')];
    for (const out of [a, b]) await writeSegmentation(out, scan, await segment(scan), { model });
    expect((await readdir(a)).sort()).toEqual([...names, 'masks', 'masks-liver'].sort());
    for (const name of names.slice(0, 5)) {
      expect(Buffer.compare(await readFile(join(a, name)), await readFile(join(b, name))), name).toBe(0);
    }
    const provenance = JSON.parse(await readFile(join(a, 'provenance.json'), 'utf8'));
    expect(provenance.model.sha256).toBe(model.hash);
    expect(provenance.versions.onnxruntime).toMatch(/^\d+\.\d+/);
    expect(provenance.input.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(provenance.seconds.network).toBeGreaterThanOrEqual(0);
    const csv = (await readFile(join(a, 'lesions.csv'), 'utf8')).split('\r\n');
    // 350 voxels of 0.8 x 0.9 x 3 mm; the diagonal of 10 x 7 pixels; slices 4 to 8 (indices 3 to 7).
    expect(csv[1]).toMatch(/^1,0\.756,10\.18,60,0,/);
    expect(csv[1]).toMatch(/,4,8,4,0\.8$/);
    expect(csv).toHaveLength(5);
    const json = JSON.parse(await readFile(join(a, 'lesions.json'), 'utf8'));
    expect(json.lesions[0]).toMatchObject({ id: 1, volumeMl: 0.756, firstSlice: 4, lastSlice: 8 });
    expect(json.liverMl).toBeCloseTo((28 * 24 * 9 * 2.16) / 1000, 3);
  });

  test('masks of a straightened scan lie on the slices as they were stored', async () => {
    const { volume } = blockPhantom();
    const [width, height, depth] = volume.geometry.size;
    const shiftPx = Array.from({ length: depth }, (_, k): [number, number] => [0, k / 2]);
    const geometry: Geometry = { ...volume.geometry, size: [width, height + 7, depth] };
    const voxels = new Int16Array(width * (height + 7) * depth).fill(-1000);
    for (let k = 0; k < depth; k++) {
      const at = width * ((height + 7) * k + Math.round(k / 2));
      voxels.set(volume.voxels.subarray(k * width * height, (k + 1) * width * height), at);
    }
    const scan = scanOf(createVolume(geometry, voxels), {
      straightening: { sourceSize: [width, height], pad: [0, 0], shiftPx },
    });
    const out = join(folder, 'straightened');
    await writeSegmentation(out, scan, await segment(scan), { model });
    for (const number of [4, 5, 8]) {
      const mask = await readMask(join(out, 'masks', `000${number}.png`));
      expect([mask.width, mask.height]).toEqual([width, height]);
      const rows = Array.from({ length: height }, (_, y) => mask.pixels[y * width + 12]);
      expect([rows.indexOf(255), rows.lastIndexOf(255)]).toEqual([8, 14]);
    }
  });

  test('nothing is left when cancelled, nothing replaced without force', async () => {
    const scan = scanOf(blockPhantom().volume);
    const segmentation = await segment(scan);
    const abort = new AbortController();
    const out = join(folder, 'cancelled');
    const control = {
      signal: abort.signal,
      onProgress: ({ stage, done }: { stage: string; done: number }) => {
        if (stage === 'report' && done === 3) abort.abort(new Error('enough'));
      },
    };
    await expect(writeSegmentation(out, scan, segmentation, { model }, control)).rejects.toThrow('enough');
    expect(existsSync(out)).toBe(false);
    expect((await readdir(folder)).filter((name) => name.includes('partial'))).toEqual([]);
    const taken = join(folder, 'a');
    await expect(writeSegmentation(taken, scan, segmentation, { model })).rejects.toMatchObject({
      code: 'already-exists',
    });
  });

  test('force replaces an earlier result, and never a folder of something else', async () => {
    const scan = scanOf(blockPhantom().volume);
    const segmentation = await segment(scan);
    const again = join(folder, 'forced');
    await writeSegmentation(again, scan, segmentation, { model });
    await rm(join(again, 'lesions.csv'));
    await writeSegmentation(again, scan, segmentation, { model, force: true });
    expect(await readdir(again)).toContain('lesions.csv');
    const scans = join(folder, 'scans');
    await mkdir(scans);
    await writeFile(join(scans, 'labels.nii.gz'), 'drawn by hand');
    const forced = () => writeSegmentation(scans, scan, segmentation, { model, force: true });
    await expect(forced()).rejects.toMatchObject({ code: 'result-invalid' });
    await writeFile(join(again, 'notes.txt'), 'looked at');
    await expect(writeSegmentation(again, scan, segmentation, { model, force: true })).rejects.toThrow(
      /notes\.txt/,
    );
    expect(await readdir(scans)).toEqual(['labels.nii.gz']);
  });

  test('a single slice gets all outputs, too', async () => {
    const { volume } = blockPhantom();
    const geometry: Geometry = { ...volume.geometry, size: [60, 44, 1] };
    const scan = scanOf(createVolume(geometry, volume.voxels.slice(5 * 2640, 6 * 2640)));
    const out = join(folder, 'single');
    await writeSegmentation(out, scan, await segment(scan), { model });
    expect((await readdir(join(out, 'masks'))).sort()).toEqual(['0001.png', 'index.json']);
    const { pixels } = await readMask(join(out, 'masks', '0001.png'));
    expect(pixels.filter((value) => value === 255).length).toBe(10 * 7 + 6 * 4);
  });

  test('a scan without findings still gets its outputs', async () => {
    const { volume } = blockPhantom();
    const scan = scanOf({ ...volume, voxels: volume.voxels.map((hu) => Math.min(hu, 20)) });
    const out = join(folder, 'none');
    await writeSegmentation(out, scan, await segment(scan), { model });
    expect(await readFile(join(out, 'report.html'), 'utf8')).toContain('No lesions were found.');
    expect((await readFile(join(out, 'lesions.csv'), 'utf8')).trim().split('\r\n')).toHaveLength(1);
  });
});
