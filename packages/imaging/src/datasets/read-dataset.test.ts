import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { hasSharedData, realScan, sharedPath } from '../../../../testing/shared-data.ts';
import { buildZip, type ZipEntryOptions } from '../dicom/testing/build-zip.ts';
import { writeCtSeries } from '../dicom-write/write-ct-series.ts';
import type { Geometry } from '../geometry/geometry.ts';
import { readScan } from '../scan/read-scan.ts';
import { writeLabelmapFile, writeVolumeFile } from '../scan/write-volume.ts';
import { countLabels, liverLabels } from '../volume/labelmap.ts';
import { mapLabels } from './decathlon.ts';
import { mergeMasks } from './merge-masks.ts';
import { readCase, readDataset } from './read-dataset.ts';

let root = '';
let folder = '';
let counter = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'glisson-data-'));
});
beforeEach(async () => {
  folder = join(root, String(counter++));
  await mkdir(folder);
});
afterAll(() => rm(root, { recursive: true, force: true }));

const geometry: Geometry = {
  size: [4, 3, 2],
  spacing: [1, 1, 2],
  origin: [0, 0, 0],
  direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
};

/** Files by relative path; empty unless content is given. */
async function tree(files: Record<string, string>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}
const scanFile = (name: string, g = geometry, fill?: number) =>
  writeVolumeFile(join(folder, name), {
    geometry: g,
    voxels: Int16Array.from({ length: g.size[0] * g.size[1] * g.size[2] }, (_, i) => fill ?? i * 90 - 1000),
  });
const labelFile = (name: string, voxels: Uint8Array, g = geometry) =>
  writeLabelmapFile(join(folder, name), { geometry: g, voxels, labels: liverLabels });
const codes = (dataset: { findings: readonly { code: string }[] }) => dataset.findings.map((f) => f.code);

describe('LiTS', () => {
  test('pairs, patients and natural order; missing partners are reported', async () => {
    await tree({
      'volume-10.nii': '',
      'volume-2.nii.gz': '',
      'volume-3.nii.gz': '',
      'segmentation-2.nii.gz': '',
      'segmentation-10.nii': '',
      'segmentation-77.nii': '',
      '._volume-5.nii': '',
      'patients.csv': 'case,patient\r\n02,B\nvolume-10,"A, the first"\n99,X\n',
    });
    const dataset = await readDataset(folder);
    expect(dataset.layout).toBe('lits');
    expect(dataset.cases.map((c) => [c.id, c.patient, c.label?.kind])).toEqual([
      ['2', 'B', 'file'],
      ['3', 'case 3', undefined],
      ['10', 'A, the first', 'file'],
    ]);
    expect(codes(dataset)).toEqual(['label-missing', 'patient-missing', 'image-missing', 'case-missing']);
  });

  test('without patients.csv each case is a patient, and a warning says so', async () => {
    await tree({
      'volume-0.nii': '',
      'segmentation-0.nii': '',
      'volume-1.nii': '',
      'segmentation-1.nii': '',
    });
    const dataset = await readDataset(folder);
    expect(new Set(dataset.cases.map((c) => c.patient)).size).toBe(2);
    expect(dataset.findings).toMatchObject([{ severity: 'warning', code: 'patients-unknown' }]);
  });

  test.each([
    ['a case of two patients', 'case,patient\n0,A\n0,B\n'],
    ['a case without patient', 'case,patient\n0,\n'],
    ['other columns', 'volume,person\n0,A\n'],
    ['nothing', ''],
    ['a quote that never ends', 'case,patient\n0,"A\n'],
  ])('patients.csv with %s is refused', async (_, text) => {
    await tree({ 'volume-0.nii': '', 'patients.csv': text });
    await expect(readDataset(folder)).rejects.toMatchObject({ code: 'damaged', message: /patients\.csv/ });
  });
});

describe('Decathlon', () => {
  const table = (extra: object = {}) =>
    JSON.stringify({
      modality: { '0': 'CT' },
      labels: { '0': 'background', '1': 'liver', '2': 'cancer' },
      training: [
        { image: './imagesTr/liver_1.nii.gz', label: './labelsTr/liver_1.nii.gz' },
        { image: 'imagesTr/liver_2.nii.gz', label: 'labelsTr/liver_2.nii.gz' },
        { image: './imagesTr/._liver_1.nii.gz', label: './labelsTr/._liver_1.nii.gz' },
      ],
      test: ['./imagesTs/liver_9.nii.gz'],
      ...extra,
    });

  test('training pairs with our labels', async () => {
    await tree({
      'dataset.json': table(),
      'imagesTr/liver_1.nii.gz': '',
      'labelsTr/liver_1.nii.gz': '',
      'imagesTr/._liver_1.nii.gz': '',
      'patients.csv': 'case,patient\nliver_1,P7\n',
    });
    const dataset = await readDataset(folder);
    expect(dataset).toMatchObject({ layout: 'decathlon', labels: liverLabels });
    expect(dataset.cases).toEqual([
      {
        id: 'liver_1',
        patient: 'P7',
        image: join(folder, 'imagesTr/liver_1.nii.gz'),
        label: { kind: 'file', path: join(folder, 'labelsTr/liver_1.nii.gz') },
      },
    ]);
    expect(codes(dataset)).toEqual(['image-missing', 'test-images']);
  });

  test('a table in another order is mapped when the case is read', async () => {
    await tree({ 'dataset.json': table({ labels: { '0': 'background', '1': 'tumour', '2': 'liver' } }) });
    await scanFile('imagesTr/liver_1.nii.gz');
    await labelFile(
      'labelsTr/liver_1.nii.gz',
      Uint8Array.from({ length: 24 }, (_, i) => (i === 0 ? 1 : i < 6 ? 2 : 0)),
    );
    const dataset = await readDataset(folder);
    const { labelmap } = await readCase(dataset.cases[0]!, dataset.labels);
    expect([...countLabels(labelmap!.voxels).subarray(0, 3)]).toEqual([18, 5, 1]);
    expect(labelmap!.labels).toEqual(liverLabels);
  });

  test('tables that are not about the liver stay', () => {
    const spleen = [
      { value: 0, name: 'background' },
      { value: 1, name: 'spleen' },
    ];
    expect(mapLabels(spleen)).toEqual({ labels: spleen });
  });

  test.each([
    ['MR', table({ modality: { '0': 'MRI' } }), 'unsupported'],
    ['two channels', table({ modality: { '0': 'CT', '1': 'PET' } }), 'unsupported'],
    ['nnU-Net', table({ channel_names: { '0': 'CT' } }), 'unsupported'],
    ['half of it', table().slice(0, 100), 'damaged'],
    ['training without labels', table({ training: ['a.nii'] }), 'damaged'],
  ])('%s is refused', async (_, text, code) => {
    await tree({ 'dataset.json': text });
    await expect(readDataset(folder)).rejects.toMatchObject({ code, message: /dataset\.json/ });
  });
});

describe('3D-IRCADb', () => {
  test('patients in natural order; liver first, then tumours; cysts are left out', async () => {
    await tree({
      'x/3Dircadb1.2/PATIENT_DICOM/image_0': '',
      'x/3Dircadb1.2/MASKS_DICOM/bone/image_0': '',
      'x/3Dircadb1.10/PATIENT_DICOM.zip': '',
      'x/3Dircadb1.10/MASKS_DICOM/livertumor02/image_0': '',
      'x/3Dircadb1.10/MASKS_DICOM/livertumor01.zip': '',
      'x/3Dircadb1.10/MASKS_DICOM/liver/image_0': '',
      'x/3Dircadb1.10/MASKS_DICOM/livercyst/image_0': '',
      'x/3Dircadb1.10/MASKS_DICOM/leftkidney/image_0': '',
      'x/3Dircadb1.11/PATIENT_DICOM/image_0': '',
    });
    const dataset = await readDataset(folder);
    expect(dataset.layout).toBe('ircadb');
    expect(dataset.cases.map((c) => c.patient)).toEqual(['3Dircadb1.2', '3Dircadb1.10', '3Dircadb1.11']);
    const label = dataset.cases[1]!.label!;
    expect(label.kind === 'masks' && label.masks.map((m) => [m.name, m.value])).toEqual([
      ['liver', 1],
      ['livertumor01', 2],
      ['livertumor02', 2],
    ]);
    expect(dataset.cases[0]!.label).toBeUndefined();
    expect(codes(dataset)).toEqual(['label-missing', 'label-missing']);
    expect(dataset.findings.map(({ message }) => message)).toEqual([
      expect.stringContaining('no liver'),
      expect.stringContaining('no MASKS_DICOM'),
    ]);
  });

  test('masks are merged: tumours over liver, whatever value is background', async () => {
    await scanFile('ct.nii');
    const mask = async (name: string, from: number, to: number, background: number) => {
      const voxels = new Int16Array(24).fill(background).fill(background + 255, from, to);
      await writeVolumeFile(join(folder, name), { geometry, voxels });
      return { name, path: join(folder, name), value: name.startsWith('liver.') ? 1 : 2 };
    };
    const scan = await readScan(join(folder, 'ct.nii'));
    const masks = [
      await mask('liver.nii', 2, 12, 0),
      await mask('livertumor01.nii', 4, 6, -1024),
      await mask('livertumor02.nii', 11, 13, 0),
      await mask('livertumor03.nii', 0, 0, 0),
    ];
    const labelmap = await mergeMasks(scan, masks, liverLabels);
    expect(labelmap.voxels.join('')).toBe('001122111112200000000000'.slice(0, 24));
    const shifted = { ...geometry, origin: [5, 0, 0] as const };
    await writeVolumeFile(join(folder, 'off.nii'), { geometry: shifted, voxels: new Int16Array(24) });
    const off = mergeMasks(scan, [{ name: 'off', path: join(folder, 'off.nii'), value: 1 }], liverLabels);
    await expect(off).rejects.toMatchObject({ code: 'geometry-mismatch', message: /off\.nii/ });
  });
});

describe('CSV', () => {
  test('relative paths, unlabelled rows, unknown columns, missing files', async () => {
    await tree({
      'scans/a.nii.gz': '',
      'scans/b.nii.gz': '',
      'truth/a.nii.gz': '',
      'cases.csv':
        'Image,Label,Patient,Age\nscans/a.nii.gz,truth/a.nii.gz,P1,44\nscans/b.nii.gz,,P1,45\nscans/c.nii.gz,,P2,1\n\nscans/b.nii.gz,truth/b.nii.gz,,2\n',
    });
    const dataset = await readDataset(folder);
    expect(dataset.layout).toBe('csv');
    expect(dataset.cases.map((c) => [c.id, c.patient, c.label !== undefined])).toEqual([
      ['scans_a', 'P1', true],
      ['scans_b', 'P1', false],
      ['scans_b-2', 'case scans_b-2', false],
    ]);
    expect(dataset.cases[0]!.image).toBe(join(folder, 'scans/a.nii.gz'));
    expect(codes(dataset)).toEqual(['columns-unknown', 'image-missing', 'label-missing', 'patient-missing']);
  });

  test('any name, semicolons, and the table itself as the path', async () => {
    await tree({
      'a.nii': '',
      'study.csv': '\uFEFFimage;label;patient\na.nii;;P1\n',
      'notes.csv': 'x,y\n1,2\n',
    });
    expect((await readDataset(folder)).cases).toMatchObject([{ id: 'a', patient: 'P1' }]);
    expect((await readDataset(join(folder, 'study.csv'))).cases.length).toBe(1);
  });

  test('no column image', async () => {
    await tree({ 'cases.csv': 'scan,label\na,b\n' });
    await expect(readDataset(folder)).rejects.toMatchObject({ code: 'damaged', message: /scan, label/ });
  });
});

test('phantoms', async () => {
  await tree({
    'phantoms.json': '{}',
    'patient-002/dicom/0001.dcm': '',
    'patient-001/dicom/0001.dcm': '',
    'patient-001/truth.nii.gz': '',
  });
  const dataset = await readDataset(folder);
  expect(dataset).toMatchObject({
    layout: 'glisson-phantom',
    cases: [{ id: 'patient-001', image: join(folder, 'patient-001/dicom') }, { id: 'patient-002' }],
  });
  expect(codes(dataset)).toEqual(['label-missing']);
});

describe('no layout', () => {
  test('says what was there and what was looked for', async () => {
    await tree({ 'ct.nii.gz': '' });
    await expect(readDataset(folder)).rejects.toMatchObject({
      code: 'not-found',
      message: /ct\.nii\.gz.*LiTS.*Decathlon|ct\.nii\.gz.*Decathlon.*LiTS/s,
    });
  });
  test('an empty and a missing folder', async () => {
    await expect(readDataset(folder)).rejects.toMatchObject({ code: 'not-found', message: /empty folder/ });
    await expect(readDataset(join(folder, 'gone'))).rejects.toMatchObject({ code: 'not-found' });
    await expect(readDataset(join(folder, 'gone.csv'))).rejects.toMatchObject({ code: 'not-found' });
  });
});

/** A zip of a folder's files, folders in it included; `zipped` are folders that become zips in it. */
async function zipOf(of: string, prefix: string, zipped: readonly string[] = []): Promise<Uint8Array> {
  const entries: ZipEntryOptions[] = [];
  for (const entry of (await readdir(of, { withFileTypes: true })).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const path = join(of, entry.name);
    if (zipped.includes(entry.name)) {
      entries.push({ name: `${prefix}${entry.name}.zip`, content: await zipOf(path, '') });
    } else if (entry.isDirectory()) {
      for (const name of await readdir(path)) {
        const content = await readFile(join(path, name));
        entries.push({ name: `${prefix}${entry.name}/${name}`, content, deflate: true });
      }
    } else entries.push({ name: `${prefix}${entry.name}`, content: await readFile(path) });
  }
  return buildZip(entries);
}

test.each([
  ['in folders', undefined],
  ['in MASKS_DICOM.zip', []],
  ['in MASKS_DICOM.zip, one of them a zip', ['livertumor01']],
])('3D-IRCADb from DICOM: scan and masks %s are read and merged', async (_, zipped) => {
  const size = [16, 12, 5] as const;
  const grid: Geometry = { ...geometry, size, origin: [-30, -40, 100] };
  const filled = (value: (i: number) => number) =>
    Int16Array.from({ length: 16 * 12 * 5 }, (_, i) => value(i));
  const write = (name: string, voxels: Int16Array) =>
    writeCtSeries(
      join(folder, '3Dircadb1.1', name),
      { geometry: grid, voxels },
      { fileName: (n) => `image_${n}` },
    );
  await write(
    'PATIENT_DICOM',
    filled((i) => (i % 97) * 20 - 1000),
  );
  await write(
    'MASKS_DICOM/liver',
    filled((i) => (i >= 300 && i < 700 ? 255 : 0)),
  );
  await write(
    'MASKS_DICOM/livertumor01',
    filled((i) => (i >= 400 && i < 420 ? 255 : 0)),
  );
  await write(
    'MASKS_DICOM/bone',
    filled((i) => (i < 50 ? 255 : 0)),
  );
  if (zipped !== undefined) {
    const masks = join(folder, '3Dircadb1.1', 'MASKS_DICOM');
    await writeFile(`${masks}.zip`, await zipOf(masks, 'MASKS_DICOM/', zipped));
    await rm(masks, { recursive: true });
  }
  const dataset = await readDataset(folder);
  expect(dataset.findings).toEqual([]);
  const { labelmap, scan } = await readCase(dataset.cases[0]!, dataset.labels);
  expect(scan.volume.geometry.size).toEqual([16, 12, 5]);
  expect([...labelmap!.voxels]).toEqual([
    ...filled((i) => (i >= 400 && i < 420 ? 2 : i >= 300 && i < 700 ? 1 : 0)),
  ]);
});

describe('readCase', () => {
  test('labels with reversed rows are put into the order of their scan', async () => {
    await scanFile('volume-0.nii');
    const flipped: Geometry = { ...geometry, origin: [0, 2, 0], direction: [1, 0, 0, 0, -1, 0, 0, 0, 1] };
    await labelFile('segmentation-0.nii', new Uint8Array(24).fill(2, 0, 4), flipped);
    const { labelmap } = await readCase(await lits(), liverLabels);
    expect([...labelmap!.voxels]).toEqual([...new Uint8Array(24).fill(2, 8, 12)]);
  });
  const lits = async () => (await readDataset(folder)).cases[0]!;
  test('labels of another grid are refused, both named', async () => {
    await scanFile('volume-0.nii');
    await labelFile('segmentation-0.nii', new Uint8Array(24), { ...geometry, spacing: [1, 1, 2.5] });
    await expect(readCase(await lits(), liverLabels)).rejects.toMatchObject({
      code: 'geometry-mismatch',
      message: /volume-0\.nii.*segmentation-0\.nii/s,
    });
  });
  test('unknown label values are refused', async () => {
    await scanFile('volume-0.nii');
    await labelFile('segmentation-0.nii', new Uint8Array(24).fill(3));
    await expect(readCase(await lits(), liverLabels)).rejects.toMatchObject({ code: 'label-unknown' });
  });
  test('a constant scan is refused', async () => {
    await scanFile('volume-0.nii', geometry, 40);
    await expect(readCase(await lits(), liverLabels)).rejects.toMatchObject({
      code: 'value-invalid',
      message: /same value \(40\)/,
    });
  });
});

test.skipIf(!hasSharedData)(
  realScan('LiTS cases have the sizes and label counts of their table'),
  async () => {
    const dataset = await readDataset(sharedPath('data', 'liver'));
    expect(dataset.cases.map((c) => c.id + c.patient).join(' ')).toBe('0A 1A 3C 4D 5E 6F 10F');
    expect(dataset.findings).toEqual([]);
    const table = [
      ['0', 28, 0.7, 5, 2591, 551857],
      ['1', 27, 0.7, 5, 6983, 650754],
      ['5', 162, 0.8, 1, 540, 1907132],
    ] as const;
    for (const [id, slices, inPlane, z, lesion, liver] of table) {
      const { scan, labelmap } = await readCase(dataset.cases.find((c) => c.id === id)!, dataset.labels);
      const { size, spacing, direction } = scan.volume.geometry;
      expect(size).toEqual([512, 512, slices]);
      expect(spacing.map((v) => Number(v.toFixed(5)))).toEqual([inPlane, inPlane, z]);
      expect(direction).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
      const counts = countLabels(labelmap!.voxels);
      expect([counts[2], counts[1]! + counts[2]!]).toEqual([lesion, liver]);
    }
  },
);
