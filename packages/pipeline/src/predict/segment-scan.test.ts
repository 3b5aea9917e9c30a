import type { Geometry, Mat3 } from '@glisson/imaging/geometry/geometry';
import { type AxisMap, reorientLabelmap, reorientVolume } from '@glisson/imaging/process/reorient';
import { readLabelmap } from '@glisson/imaging/scan/read-labelmap';
import { createVolume } from '@glisson/imaging/volume/volume';
import { describe, expect, test } from 'vitest';
import { hasSharedData, realScan, sharedPath } from '../../../../testing/shared-data.ts';
import { evaluateCase } from '../evaluate/evaluate-case.ts';
import {
  blockPhantom,
  modelOf,
  scanOf,
  thresholdPlan,
  thresholdPredictor,
} from '../testing/threshold-model.ts';
import type { TilePredictor } from './predict-slices.ts';
import { segmentScan } from './segment-scan.ts';

const plan = thresholdPlan();
const predictor = thresholdPredictor(plan);
const run = (
  scan: Parameters<typeof segmentScan>[0],
  p = plan,
  network: TilePredictor = thresholdPredictor(p),
) => segmentScan(scan, modelOf(p), { predictor: network });

/** Columns are the phantom's axes turned by 20 degrees about z, then 15 about x. */
const oblique: Mat3 = (() => {
  const [c, s] = [Math.cos(0.35), Math.sin(0.35)];
  const [d, t] = [Math.cos(0.26), Math.sin(0.26)];
  return [c, -s, 0, s * d, c * d, -t, s * t, c * t, d];
})();

const maps: [string, AxisMap][] = [
  ['as they are', { perm: [0, 1, 2], flip: [false, false, false] }],
  ['feet last', { perm: [0, 1, 2], flip: [false, false, true] }],
  ['right-anterior', { perm: [0, 1, 2], flip: [true, true, false] }],
  ['left-handed', { perm: [0, 1, 2], flip: [true, false, false] }],
  ['coronal', { perm: [0, 2, 1], flip: [false, true, false] }],
  ['sagittal, flipped', { perm: [1, 2, 0], flip: [true, false, true] }],
  ['turned in plane', { perm: [1, 0, 2], flip: [false, true, true] }],
  ['cyclic', { perm: [2, 0, 1], flip: [true, true, true] }],
];

describe.each([
  ['straight', undefined],
  ['oblique', oblique],
] as const)('a thresholding network on a %s grid', (_name, direction) => {
  test.each(maps)('finds the truth exactly on the source grid: axes %s', async (_axes, map) => {
    const phantom = blockPhantom();
    const geometry: Geometry = { ...phantom.volume.geometry, ...(direction && { direction }) };
    const volume = reorientVolume({ ...phantom.volume, geometry }, map);
    const truth = reorientLabelmap({ ...phantom.truth, geometry }, map);
    const segmentation = await run(scanOf(volume));
    expect(segmentation.labelmap.geometry).toBe(volume.geometry);
    expect(Buffer.compare(segmentation.labelmap.voxels, truth.voxels)).toBe(0);
    expect(segmentation.lesions.map((lesion) => lesion.voxels)).toEqual([350, 48, 18]);
    for (const lesion of segmentation.lesions) {
      expect(lesion.meanHU).toBe(60);
      expect(lesion.sdHU).toBe(0);
      expect(lesion.confidence).toBeCloseTo(0.8, 2);
    }
    expect(segmentation.warnings).toEqual([]);
  });
});

describe('segmenting', () => {
  const { volume, truth } = blockPhantom();

  test('mirrored passes, other tiles and larger batches give the same labels', async () => {
    for (const inference of [
      { tileSize: [64, 64] as [number, number], overlap: 0, mirror: true },
      { tileSize: [12, 12] as [number, number], overlap: 0.25, mirror: true },
      { tileSize: [500, 8] as [number, number], overlap: 0.6, mirror: false },
    ]) {
      const { labelmap } = await run(scanOf(volume), thresholdPlan({ inference }));
      expect(Buffer.compare(labelmap.voxels, truth.voxels)).toBe(0);
    }
  });

  test('on a coarser prepared grid borders stay within a prepared pixel', async () => {
    const coarse = thresholdPlan({ preprocess: { ...plan.preprocess, spacingMm: [1.3, 1.4] } });
    const { labelmap } = await run(scanOf(volume), coarse);
    const [width, height] = volume.geometry.size;
    for (let at = 0; at < truth.voxels.length; at++) {
      if (labelmap.voxels[at] === truth.voxels[at]) continue;
      const here = truth.voxels[at];
      const neighbours = [-2, -1, 1, 2].flatMap((d) => [
        at + d,
        at + d * width,
        at + d * (width + 1),
        at + d * (width - 1),
      ]);
      expect(neighbours.some((n) => truth.voxels[n] !== here)).toBe(true);
      expect(at).toBeLessThan(width * height * 13);
    }
  });

  test('only what a batch needs is asked of the engine, one batch ahead', async () => {
    let open = 0;
    let most = 0;
    const counting: TilePredictor = {
      run: async (input, dims) => {
        most = Math.max(most, ++open);
        expect(dims[2]! % 4).toBe(0);
        expect(dims[3]! % 4).toBe(0);
        expect(input.length).toBe(dims.reduce((a, b) => a * b));
        await new Promise((resolve) => setTimeout(resolve, 1));
        open--;
        return predictor.run(input, dims);
      },
    };
    await run(scanOf(volume), plan, counting);
    expect(most).toBe(1);
  });

  test('one slice is enough', async () => {
    const geometry: Geometry = { ...volume.geometry, size: [60, 44, 1] };
    const slice = createVolume(geometry, volume.voxels.slice(5 * 2640, 6 * 2640));
    const { labelmap, warnings } = await run(scanOf(slice));
    expect(Buffer.compare(labelmap.voxels, truth.voxels.subarray(5 * 2640, 6 * 2640))).toBe(0);
    expect(warnings.map((warning) => warning.code)).toContain('liver-cut-off');
  });

  test('warns of a scan outside the training fingerprint', async () => {
    const codes = async (scan: Parameters<typeof run>[0], p = plan) =>
      (await run(scan, p)).warnings.map((warning) => warning.code);
    const stretched: Geometry = { ...volume.geometry, spacing: [0.8, 0.9, 12] };
    expect(await codes(scanOf({ ...volume, geometry: stretched }))).toEqual(
      expect.arrayContaining(['slice-distance', 'field-of-view', 'large-liver']),
    );
    const clipped = volume.voxels.map((hu) => Math.max(-160, hu));
    expect(await codes(scanOf({ ...volume, voxels: clipped }))).toEqual(['hu-clipped']);
    const picture = volume.voxels.map((hu) => Math.max(0, hu + 160));
    expect(await codes(scanOf({ ...volume, voxels: picture }))).toEqual(
      expect.arrayContaining(['hu-range', 'no-liver']),
    );
    const series = { studyInstanceUid: '1', seriesInstanceUid: '2', modality: 'MR' };
    expect(await codes(scanOf(volume, { series }))).toEqual(['not-ct']);
    const [c, t] = [Math.cos(0.6), Math.sin(0.6)];
    const turned: Geometry = { ...volume.geometry, direction: [1, 0, 0, 0, c, -t, 0, t, c] };
    expect(await codes(scanOf({ ...volume, geometry: turned }))).toEqual(['oblique']);
    const finding = {
      severity: 'warning',
      code: 'missing-slices',
      message: '2 slices are missing.',
    } as const;
    expect(await codes(scanOf(volume, { findings: [finding] }))).toEqual(['missing-slices']);
  });

  test('air alone holds no liver, and the network is not asked', async () => {
    const voxels = volume.voxels.map((hu, i) => (hu === -1000 ? hu : i % 2 ? -900 : -950));
    const asked: TilePredictor = { run: () => Promise.reject(new Error('asked')) };
    const segmentation = await run(scanOf({ ...volume, voxels }), plan, asked);
    expect(segmentation.warnings.map((warning) => warning.code)).toEqual(['hu-range', 'no-liver']);
    expect(segmentation.lesions).toEqual([]);
  });

  test('refuses NaN and constant scans by name', async () => {
    const nan = Float32Array.from(volume.voxels);
    nan[77] = Number.NaN;
    await expect(run(scanOf({ ...volume, voxels: nan }))).rejects.toMatchObject({ code: 'data-invalid' });
    await expect(run(scanOf({ ...volume, voxels: nan }))).rejects.toThrow(
      /blocks\.nii\.gz.*NaN at voxel index 77/,
    );
    const flat = new Int16Array(volume.voxels.length).fill(-1000);
    await expect(run(scanOf({ ...volume, voxels: flat }))).rejects.toThrow(/same value/);
  });

  test('a network of another shape than its plan is refused', async () => {
    const wrong: TilePredictor = {
      run: async (_input, dims) => ({ data: new Float32Array(2), dims: [dims[0]!, 2, dims[2]!, dims[3]!] }),
    };
    await expect(run(scanOf(volume), plan, wrong)).rejects.toMatchObject({ code: 'model-invalid' });
  });

  test.each([[[Number.NaN, Number.NaN, Number.NaN]], [[0.5, 0.5, Number.NaN]]])(
    'a network with damaged weights is refused, not read as liver: %o',
    async (probabilities) => {
      const damaged: TilePredictor = {
        run: async (_input, [n, , height, width]) => ({
          data: Float32Array.from(
            { length: n! * 3 * height! * width! },
            (_, i) => probabilities[Math.floor(i / (height! * width!)) % 3]!,
          ),
          dims: [n!, 3, height!, width!],
        }),
      };
      await expect(run(scanOf(volume), plan, damaged)).rejects.toMatchObject({ code: 'model-invalid' });
    },
  );

  test('the smallest scans come through: 8 x 8 x 2', async () => {
    const geometry: Geometry = { ...volume.geometry, size: [8, 8, 2] };
    const voxels = new Int16Array(128).map((_, i) => (i % 8 < 4 ? 110 : -1000));
    const { labelmap, warnings } = await run(scanOf(createVolume(geometry, voxels)));
    expect(labelmap.voxels).toHaveLength(128);
    expect(warnings.map((warning) => warning.code)).toContain('field-of-view');
  });

  test('stops when cancelled', async () => {
    const abort = new AbortController();
    const cancelling: TilePredictor = {
      run: (input, dims) => {
        abort.abort(new Error('enough'));
        return predictor.run(input, dims);
      },
    };
    const small = thresholdPlan({ inference: { tileSize: [256, 256], overlap: 0, mirror: false } });
    await expect(
      segmentScan(scanOf(volume), modelOf(small), { predictor: cancelling }, { signal: abort.signal }),
    ).rejects.toThrow('enough');
  });
});

test.skipIf(!hasSharedData)(
  realScan('labels painted as HU come back on the grid of a real case: exactly at its own spacing'),
  async () => {
    const truth = await readLabelmap(sharedPath('data', 'liver', 'segmentation-0.nii.gz'));
    const { geometry } = truth;
    const tissue = [0, 110, 60];
    const volume = createVolume(
      geometry,
      Int16Array.from(truth.voxels, (label) => tissue[label]!),
    );
    // A frame of air, so that the scan has what a CT has.
    volume.voxels.fill(-1000, 0, geometry.size[0]);
    const asFound = {
      ...plan.postprocess,
      largestLiverOnly: false,
      fillLiverHoles: false,
      lesionsInLiverOnly: false,
      minLesionMl: 0,
    };
    const at = (mm: number | undefined) =>
      thresholdPlan({
        preprocess: {
          ...plan.preprocess,
          spacingMm: mm === undefined ? [geometry.spacing[0], geometry.spacing[1]] : [mm, mm],
        },
        inference: { tileSize: [256, 256], overlap: 0.25, mirror: true },
        postprocess: asFound,
      });
    const exact = evaluateCase(truth, (await run(scanOf(volume), at(undefined))).labelmap);
    expect([exact.liver.dice, exact.lesion.dice]).toEqual([1, 1]);
    // What 1.5 mm pixels alone cost: the ceiling for any network on that grid.
    const coarse = evaluateCase(truth, (await run(scanOf(volume), at(1.5))).labelmap);
    expect(coarse.liver.dice).toBeGreaterThan(0.97);
  },
);
