import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeCtSeries } from '@glisson/imaging/dicom-write/write-ct-series';
import { writeVolumeFile } from '@glisson/imaging/scan/write-volume';
import { createVolume } from '@glisson/imaging/volume/volume';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findScans } from './find-scans.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glisson-find-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const volume = createVolume(
  { size: [8, 8, 4], spacing: [1, 1, 2], origin: [0, 0, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] },
  new Int16Array(256).map((_, i) => i - 128),
);

test('a single series is named after the nearest folder that says something', async () => {
  const place = join(folder, 'Jones', 'dicom');
  await writeCtSeries(place, volume);
  for (const path of [folder, join(folder, 'Jones'), place]) {
    const { scans } = await findScans(path);
    expect(scans.map((scan) => [scan.name, scan.path])).toEqual([['Jones', place]]);
  }
});

test('series are found in their own folders, volume files beside them, names are unique', async () => {
  await writeCtSeries(join(folder, 'a'), volume, { uidSeed: [1], seriesDescription: 'venous' });
  await writeCtSeries(join(folder, 'b'), volume, { uidSeed: [2], seriesDescription: 'venous' });
  await writeVolumeFile(join(folder, 'c', 'scan.nii.gz'), volume);
  const { scans, skipped } = await findScans(folder);
  expect(scans.map((scan) => scan.path)).toEqual([
    join(folder, 'a'),
    join(folder, 'b'),
    join(folder, 'c', 'scan.nii.gz'),
  ]);
  expect(new Set(scans.map((scan) => scan.name)).size).toBe(3);
  for (const { name } of scans) expect(name).toMatch(/^[\w.-]+$/);
  expect(skipped).toEqual([]);
});

test('a series whose files lie apart is read from the folder above them', async () => {
  await writeCtSeries(join(folder, 'x', 'one'), volume);
  await writeCtSeries(join(folder, 'x', 'two'), volume, { force: true });
  await rename(join(folder, 'x', 'one', '0001.dcm'), join(folder, 'x', '0001.dcm'));
  await rm(join(folder, 'x', 'one'), { recursive: true });
  await rm(join(folder, 'x', 'two', '0001.dcm'));
  const { scans } = await findScans(folder);
  expect(scans.map((scan) => [scan.path, scan.series?.images])).toEqual([[join(folder, 'x'), 4]]);
});

test('what is not there is an error, an empty folder is not', async () => {
  await expect(findScans(join(folder, 'nothing'))).rejects.toMatchObject({ code: 'not-found' });
  expect((await findScans(folder)).scans).toEqual([]);
});
