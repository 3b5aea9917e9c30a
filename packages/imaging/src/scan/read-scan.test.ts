import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasSharedData, realScan, sharedPath } from '../../../../testing/shared-data.ts';
import type { Geometry } from '../geometry/geometry.ts';
import { countLabels } from '../volume/labelmap.ts';
import { checkVoxels } from './check-voxels.ts';
import { readLabelmap } from './read-labelmap.ts';
import { readScan } from './read-scan.ts';
import { sniffBytes } from './sniff-format.ts';
import { writeLabelmapFile, writeVolumeFile } from './write-volume.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glisson-scan-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

// Left-handed and turned: x of the grid runs to posterior, y to superior, z to the right.
const geometry: Geometry = {
  size: [4, 3, 2],
  spacing: [0.5, 0.75, 2.5],
  origin: [10.5, -20.25, 30],
  direction: [0, 0, -1, 1, 0, 0, 0, 1, 0],
};
const voxels = Int16Array.from({ length: 24 }, (_, i) => i * 100 - 1000);

test.each(['x.nii', 'x.nii.gz', 'x.nrrd', 'x.mha', 'x.mhd'])(
  '%s: written and re-read exactly',
  async (name) => {
    const path = join(folder, name);
    await writeVolumeFile(path, { geometry, voxels });
    const scan = await readScan(path);
    expect(scan.volume.geometry).toEqual(geometry);
    expect(scan.volume.voxels).toEqual(voxels);
    expect(scan.slices.length).toBe(2);
    expect(scan.findings).toEqual([]);
    const labels = Uint8Array.from({ length: 24 }, (_, i) => i % 3);
    await writeLabelmapFile(path, { geometry, voxels: labels, labels: [] });
    const labelmap = await readLabelmap(path);
    expect(labelmap.voxels).toEqual(labels);
    expect(labelmap.geometry).toEqual(geometry);
  },
);

test('the content decides, not the name', async () => {
  const path = join(folder, 'truth.nrrd');
  await writeVolumeFile(path, { geometry, voxels });
  await copyFile(path, join(folder, 'disguised.nii.gz'));
  expect((await readScan(join(folder, 'disguised.nii.gz'))).format).toBe('nrrd');
});

test('an extension that says nothing is refused before anything is written', async () => {
  await expect(writeVolumeFile(join(folder, 'x.jpg'), { geometry, voxels })).rejects.toMatchObject({
    code: 'unsupported',
    message: /\.nii\.gz/,
  });
});

describe('what is no scan is refused with a reason', () => {
  const refused = async (name: string, bytes: Uint8Array | string, code: string, message: RegExp) => {
    const path = join(folder, name);
    await writeFile(path, bytes);
    await expect(readScan(path)).rejects.toMatchObject({ name: 'ImagingError', code, message });
  };
  test('missing', () =>
    expect(readScan(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'not-found' }));
  test('text', () => refused('a.txt', 'hello\n', 'not-an-image', /text/));
  test('text named .nii', () => refused('a.nii', 'hello there', 'not-an-image', /text/));
  test('empty file', () => refused('empty.nii.gz', '', 'not-an-image', /0 bytes/));
  test('JPEG: says what it lacks', () =>
    refused(
      'a.dcm',
      Buffer.from('ffd8ffe000104a464946', 'hex'),
      'unsupported',
      /JPEG.*Hounsfield.*spacing/s,
    ));
  test('PNG', () => refused('a.png', Buffer.from('89504e470d0a1a0a', 'hex'), 'unsupported', /PNG/));
  test('a gzip of something else', () => refused('a.gz', gzipSync('hello'), 'unsupported', /gunzip/));
  test('unknown binary', () =>
    refused(
      'a.bin',
      Uint8Array.from({ length: 400 }, (_, i) => (i * 37) % 256),
      'not-an-image',
      /a\.bin/,
    ));
  test('an empty folder', async () => {
    await mkdir(join(folder, 'none'));
    await expect(readScan(join(folder, 'none'))).rejects.toMatchObject({
      code: 'not-found',
      message: /empty/,
    });
  });
  test('a folder of pictures', async () => {
    await mkdir(join(folder, 'pictures'));
    await writeFile(join(folder, 'pictures', '1.jpg'), Buffer.from('ffd8ffe000104a46', 'hex'));
    await writeFile(join(folder, 'pictures', '2.png'), Buffer.from('89504e470d0a1a0a', 'hex'));
    await expect(readScan(join(folder, 'pictures'))).rejects.toMatchObject({
      code: 'unsupported',
      message: /Hounsfield/,
    });
  });
  test('text that begins like a bitmap', () =>
    refused('bmi.txt', 'BMI,age\n22,40\n', 'not-an-image', /text/));
  test('a folder of text files', async () => {
    await mkdir(join(folder, 'texts'));
    await writeFile(join(folder, 'texts', 'a.txt'), 'hello');
    await expect(readScan(join(folder, 'texts'))).rejects.toMatchObject({ name: 'ImagingError' });
  });
});

test('a folder with exactly one volume is read as that, with several it asks which', async () => {
  const one = join(folder, 'one');
  await writeVolumeFile(join(one, 'ct.mhd'), { geometry, voxels });
  expect((await readScan(one)).volume.voxels).toEqual(voxels);
  await writeVolumeFile(join(one, 'other.nii.gz'), { geometry, voxels });
  await expect(readScan(one)).rejects.toMatchObject({ message: /ct\.mhd, other\.nii\.gz/ });
});

describe('label images', () => {
  const save = async (name: string, values: Int16Array | Float32Array) => {
    await writeVolumeFile(join(folder, name), { geometry, voxels: values });
    return join(folder, name);
  };
  test('unknown values are named with their counts', async () => {
    const path = await save('labels.nii', new Int16Array(24).fill(7, 0, 5));
    await expect(readLabelmap(path)).rejects.toMatchObject({
      code: 'label-unknown',
      message: /7 \(5 voxels\)/,
    });
    const labelmap = await readLabelmap(path, { labels: 'as-found' });
    expect(labelmap.labels).toEqual([
      { value: 0, name: 'background' },
      { value: 7, name: 'label 7' },
    ]);
  });
  test('negative and fractional values are refused, whole floats are not', async () => {
    await expect(readLabelmap(await save('n.nii', new Int16Array(24).fill(-1)))).rejects.toMatchObject({
      code: 'label-unknown',
    });
    await expect(readLabelmap(await save('f.mha', new Float32Array(24).fill(0.5)))).rejects.toMatchObject({
      code: 'value-invalid',
    });
    const whole = await readLabelmap(await save('w.mha', new Float32Array(24).fill(2)));
    expect(countLabels(whole.voxels)[2]).toBe(24);
  });
});

describe('checkVoxels', () => {
  const codesOf = (values: Int16Array | Float32Array) =>
    checkVoxels({ geometry: { ...geometry, size: [values.length, 1, 1] }, voxels: values }).map(
      (finding) => `${finding.severity} ${finding.code}`,
    );
  test.each([
    ['a CT', Int16Array.of(-1024, 0, 1500), []],
    ['constant', Int16Array.of(5, 5, 5), ['error constant']],
    ['NaN', Float32Array.of(Number.NaN, -1000, 5), ['error not-finite']],
    ['infinity', Float32Array.of(Number.POSITIVE_INFINITY, -1000, 5), ['error not-finite']],
    ['only NaN', new Float32Array(3).fill(Number.NaN), ['error not-finite', 'error constant']],
    ['an 8-bit picture', Int16Array.of(0, 128, 255), ['warning not-hounsfield']],
    ['beyond HU', Float32Array.of(-1000, 0, 1e6), ['warning not-hounsfield']],
    ['clipped', Int16Array.of(-160, 0, 240), ['info no-air']],
  ])('%s', (_, values, expected) => expect(codesOf(values)).toEqual(expected));

  test('a scan with NaN is read, with the finding', async () => {
    const values = Float32Array.from({ length: 24 }, (_, i) => (i === 7 ? Number.NaN : i - 1000.5));
    await writeVolumeFile(join(folder, 'nan.nii.gz'), { geometry, voxels: values });
    const scan = await readScan(join(folder, 'nan.nii.gz'));
    expect(scan.findings.map((finding) => finding.code)).toEqual(['not-finite']);
    expect(scan.findings[0]!.message).toMatch(/^1 of 24/);
  });
});

test('DICOM is seen with and without preamble', () => {
  const preamble = Buffer.alloc(140);
  preamble.write('DICM', 128);
  expect(sniffBytes(preamble)).toBe('dicom');
  const explicit = Buffer.from([8, 0, 5, 0, 67, 83, 10, 0, 73, 83, 79, 95]);
  expect(sniffBytes(explicit)).toBe('dicom');
  const implicit = Buffer.from([8, 0, 0, 0, 4, 0, 0, 0, 100, 1, 0, 0]);
  expect(sniffBytes(implicit)).toBe('dicom');
});

test.skipIf(!hasSharedData)(realScan('a DICOM zip goes to the DICOM reader'), async () => {
  const scan = await readScan(sharedPath('data', 'dicom', '3Dircadb1-patient01.zip'));
  expect(scan.format).toBe('dicom');
  expect(scan.volume.geometry.size).toEqual([512, 512, 129]);
});
