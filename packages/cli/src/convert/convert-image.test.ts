import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityDirection } from '@glisson/imaging/geometry/geometry';
import { writeVolumeFile } from '@glisson/imaging/scan/write-volume';
import { createVolume } from '@glisson/imaging/volume/volume';
import { beforeEach, expect, test } from 'vitest';
import { convertImage } from './convert-image.ts';

const size = [4, 3, 2] as const;
const geometry = { size, spacing: [1, 1, 1], origin: [0, 0, 0], direction: identityDirection } as const;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glisson-convert-'));
});

async function writeScan(name: string, valueAt: (i: number) => number): Promise<string> {
  const path = join(folder, name);
  await writeVolumeFile(
    path,
    createVolume(
      geometry,
      Float32Array.from({ length: 24 }, (_, i) => valueAt(i)),
    ),
  );
  return path;
}

test.each([
  ['NaN', (i: number) => (i === 5 ? Number.NaN : i)],
  ['infinite', (i: number) => (i === 5 ? Number.POSITIVE_INFINITY : i)],
  ['constant', () => 40],
])('a scan with %s voxels is refused and nothing is written', async (_name, valueAt) => {
  const input = await writeScan('scan.nii', valueAt);
  const output = join(folder, 'out.nrrd');
  await expect(convertImage(input, output, {}, {})).rejects.toMatchObject({ code: 'value-invalid' });
  expect(existsSync(output)).toBe(false);
});

test('--force replaces a stack of pictures, not a folder of scans', async () => {
  const input = await writeScan('scan.nii', (i) => i * 40 - 500);
  const output = join(folder, 'slices');
  await convertImage(input, output, { to: 'png' }, {});
  await convertImage(input, output, { to: 'png', force: true }, {});
  expect(readdirSync(output)).toEqual(['0001.png', '0002.png']);
  const scans = join(folder, 'scans');
  mkdirSync(scans);
  writeFileSync(join(scans, 'IM0001'), 'a scan');
  await expect(convertImage(input, scans, { to: 'dicom', force: true }, {})).rejects.toThrow(/IM0001/);
  expect(readdirSync(scans)).toEqual(['IM0001']);
});
