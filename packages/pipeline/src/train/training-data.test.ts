import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCase } from '@glisson/imaging/datasets/read-dataset';
import { voxelVolumeMm3 } from '@glisson/imaging/geometry/geometry';
import { countLabels } from '@glisson/imaging/volume/labelmap';
import { expect, test } from 'vitest';
import { hasSharedData, realScan, sharedPath } from '../../../../testing/shared-data.ts';
import { prepareLabels } from '../preprocess/prepare-labels.ts';
import { prepareVolume } from '../preprocess/prepare-volume.ts';
import { splitByPatient } from './split.ts';
import { findTrainingData, summariseCases } from './training-data.ts';

test.skipIf(!hasSharedData)(
  realScan('liver CT: split by patient, labels found as counted, volumes kept by preparation'),
  async () => {
    const cache = await mkdtemp(join(tmpdir(), 'glisson-real-'));
    const data = await findTrainingData(sharedPath('data', 'liver'), {});
    const split = splitByPatient(data.cases, { seed: 1, validation: ['C'], test: ['F'] });
    expect(split).toMatchObject({ train: ['0', '1', '4', '5'], validation: ['3'], test: ['6', '10'] });

    const [summary] = await summariseCases(data, ['0'], cache, {});
    // As the description of the data counts them.
    expect(summary!.lesionVoxels).toBe(2591);
    expect(summary!.liverVoxels).toBe(551857);
    expect(summary!.rangeHU).toEqual([-160, 240]);

    const { scan, labelmap } = await readCase(data.cases.find((c) => c.id === '0')!, data.labels);
    const plan = { windowHU: [-160, 240] as [number, number], spacingMm: [1.5, 1.5] as [number, number] };
    const prepared = prepareVolume(scan.volume, plan);
    const labels = prepareLabels(labelmap!, plan);
    expect(labels.length).toBe(prepared.voxels.length);
    const before = countLabels(labelmap!.voxels);
    const after = countLabels(labels);
    const ratio = voxelVolumeMm3(prepared.geometry) / voxelVolumeMm3(scan.volume.geometry);
    for (const label of [1, 2]) {
      expect((after[label]! * ratio) / before[label]!).toBeGreaterThan(0.97);
      expect((after[label]! * ratio) / before[label]!).toBeLessThan(1.03);
    }
    // The liver keeps its HU: image and labels lie on each other.
    const meanInLiver = (voxels: ArrayLike<number>, of: Uint8Array) => {
      let sum = 0;
      let count = 0;
      for (let i = 0; i < of.length; i++) {
        if (of[i] !== 1) continue;
        sum += voxels[i]!;
        count++;
      }
      return sum / count;
    };
    const difference =
      meanInLiver(prepared.voxels, labels) - meanInLiver(scan.volume.voxels, labelmap!.voxels);
    expect(Math.abs(difference)).toBeLessThan(1.5);
    await rm(cache, { recursive: true, force: true });
  },
);
