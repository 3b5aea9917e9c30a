import { beforeAll, describe, expect, test } from 'vitest';
import { hasSharedData, realScan, sharedPath } from '../../../../testing/shared-data.ts';
import { voxelVolumeMm3 } from '../geometry/geometry.ts';
import { readLabelmap } from '../scan/read-labelmap.ts';
import { readScan } from '../scan/read-scan.ts';
import type { Labelmap } from '../volume/labelmap.ts';
import type { Volume } from '../volume/volume.ts';
import { bodyMask } from './body-mask.ts';
import { connectedComponents } from './components.ts';
import { distanceTransform } from './distance.ts';
import { axisMapToLps, invertAxisMap, reorientLabelmap } from './reorient.ts';
import { resampleLabelmap, resampleVolume, withSpacing } from './resample.ts';
import { maskStatistics } from './statistics.ts';

describe('a whole abdomen as DICOM', () => {
  let volume: Volume;
  beforeAll(async () => {
    if (!hasSharedData) return;
    volume = (await readScan(sharedPath('data', 'dicom', '3Dircadb1-patient01.zip'))).volume;
  });

  test.skipIf(!hasSharedData)(realScan('the body is found, with lungs, without the table'), () => {
    const body = bodyMask(volume);
    const share = body.reduce((a, b) => a + b, 0) / body.length;
    // By eye the outline follows the skin; the body then fills 58 % of the field of view.
    expect(share).toBeGreaterThan(0.56);
    expect(share).toBeLessThan(0.6);
    expect(maskStatistics(volume.voxels, body).min).toBeLessThan(-1000);
  });

  test.skipIf(!hasSharedData)(realScan('halving and doubling the pixels changes soft tissue little'), () => {
    const { geometry } = volume;
    const coarse = withSpacing(geometry, [
      geometry.spacing[0] * 2,
      geometry.spacing[1] * 2,
      geometry.spacing[2],
    ]);
    const back = resampleVolume(resampleVolume(volume, coarse), geometry, { method: 'cubic' });
    let bias = 0;
    let count = 0;
    for (let i = 0; i < back.voxels.length; i += 7) {
      const hu = volume.voxels[i]!;
      if (hu < 0 || hu > 200) continue;
      bias += back.voxels[i]! - hu;
      count++;
    }
    expect(Math.abs(bias / count)).toBeLessThan(3);
    expect(back.voxels).toBeInstanceOf(Int16Array);
  });
});

describe('a labelled liver', () => {
  let labelmap: Labelmap;
  beforeAll(async () => {
    if (!hasSharedData) return;
    labelmap = await readLabelmap(sharedPath('data', 'liver', 'segmentation-1.nii.gz'));
  });

  test.skipIf(!hasSharedData)(realScan('LPS order and back is lossless'), () => {
    const map = axisMapToLps(labelmap.geometry);
    const back = reorientLabelmap(reorientLabelmap(labelmap, map), invertAxisMap(map));
    expect(Buffer.compare(Buffer.from(back.voxels), Buffer.from(labelmap.voxels))).toBe(0);
  });

  test.skipIf(!hasSharedData)(
    realScan('components of the lesions cover all lesion voxels of the table'),
    () => {
      const lesion = labelmap.voxels.map((value) => (value === 2 ? 1 : 0));
      const { count, sizes } = connectedComponents(lesion, labelmap.geometry.size, 26);
      expect(count).toBeGreaterThan(0);
      // shared/data/README.md: 6,983 lesion voxels.
      expect(sizes.slice(1).reduce((a, b) => a + b)).toBe(6983);
    },
  );

  test.skipIf(!hasSharedData)(realScan('the liver keeps its volume on a 1.5 mm grid'), () => {
    const fine = resampleLabelmap(labelmap, withSpacing(labelmap.geometry, [1.5, 1.5, 1.5]));
    const volume = ({ voxels, geometry }: Labelmap) =>
      voxels.reduce((a, value) => a + (value === 0 ? 0 : 1), 0) * voxelVolumeMm3(geometry);
    expect(Math.abs(volume(fine) / volume(labelmap) - 1)).toBeLessThan(0.005);
  });

  test.skipIf(!hasSharedData)(
    realScan('lesions lie inside the liver: no lesion voxel is far from liver tissue'),
    () => {
      const tissue = labelmap.voxels.map((value) => (value === 1 ? 1 : 0));
      const away = distanceTransform(tissue, labelmap.geometry);
      let farthest = 0;
      for (let i = 0; i < away.length; i++)
        if (labelmap.voxels[i] === 2) farthest = Math.max(farthest, away[i]!);
      expect(farthest).toBeGreaterThan(1);
      expect(farthest).toBeLessThan(20);
    },
  );
});
