import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import dicomParser from 'dicom-parser';
import { afterAll, describe, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import {
  axisVector,
  type Geometry,
  geometriesAgree,
  identityDirection,
  indexToWorld,
  type Mat3,
  type Vec3,
} from '../geometry/geometry.ts';
import { createVolume, type Volume } from '../volume/volume.ts';
import { decimalString } from './decimal-string.ts';
import { derivedUid } from './derived-uid.ts';
import { writeCtSeries } from './write-ct-series.ts';

const root = mkdtempSync(join(tmpdir(), 'glisson-ct-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const freshFolder = () => join(root, `series-${++folders}`);

/** Every voxel different enough that a flip or a shift shows. */
function testVolume(direction: Mat3, integers = true): Volume {
  const geometry: Geometry = {
    size: [7, 5, 4],
    spacing: [0.712345678, 0.85, 2.5],
    origin: [-101.123456, 33.5, -812.25],
    direction,
  };
  const count = 7 * 5 * 4;
  const voxels = integers ? new Int16Array(count) : new Float32Array(count);
  for (let i = 0; i < count; i++) voxels[i] = ((i * 7919) % 4000) - 1024 + (integers ? 0 : 0.25);
  return createVolume(geometry, voxels);
}

const oblique: Mat3 = (() => {
  const [a, b] = [0.31, -0.22];
  const [ca, sa, cb, sb] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)];
  return [ca, -sa * cb, sa * sb, sa, ca * cb, -ca * sb, 0, sb, cb];
})();
const leftHanded: Mat3 = [1, 0, 0, 0, 1, 0, 0, 0, -1];

/** Reads a series with a parser that is not ours, slices in the order of their instance numbers. */
function readBack(folder: string): { geometry: Geometry; voxels: Float64Array; uids: string[] } {
  const files = readdirSync(folder).map((name) => {
    const bytes = readFileSync(join(folder, name));
    const data = dicomParser.parseDicom(bytes);
    const numbers = (tag: string) => data.string(tag)!.split('\\').map(Number);
    const pixels = data.elements.x7fe00010!;
    const rows = data.uint16('x00280010')!;
    const columns = data.uint16('x00280011')!;
    const intercept = numbers('x00281052')[0]!;
    const slope = numbers('x00281053')[0]!;
    const stored = Array.from({ length: rows * columns }, (_, i) =>
      bytes.readInt16LE(pixels.dataOffset + 2 * i),
    );
    return {
      number: numbers('x00200013')[0]!,
      position: numbers('x00200032') as unknown as Vec3,
      orientation: numbers('x00200037'),
      spacing: numbers('x00280030'),
      rows,
      columns,
      uid: data.string('x00080018')!,
      values: stored.map((v) => v * slope + intercept),
    };
  });
  files.sort((a, b) => a.number - b.number);
  const first = files[0]!;
  const [rx, ry, rz, cx, cy, cz] = first.orientation as [number, number, number, number, number, number];
  const n: Vec3 = [ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx];
  const along = (p: Vec3) => p[0] * n[0] + p[1] * n[1] + p[2] * n[2];
  const distance = files.length > 1 ? along(files[1]!.position) - along(first.position) : 1;
  const voxels = new Float64Array(files.length * first.rows * first.columns);
  files.forEach((file, k) => {
    voxels.set(file.values, k * first.rows * first.columns);
  });
  return {
    geometry: {
      size: [first.columns, first.rows, files.length],
      spacing: [first.spacing[1]!, first.spacing[0]!, distance],
      origin: first.position,
      direction: [rx, cx, n[0], ry, cy, n[1], rz, cz, n[2]],
    },
    voxels,
    uids: files.map((file) => file.uid),
  };
}

describe('writeCtSeries', () => {
  test.each([
    ['axial', identityDirection],
    ['oblique', oblique],
    ['coronal', [1, 0, 0, 0, 0, 1, 0, -1, 0] as Mat3],
  ])('%s: what is read back is the volume, voxel for voxel, at the same place', async (_name, direction) => {
    for (const rescaleIntercept of [0, -1024] as const) {
      const volume = testVolume(direction);
      const folder = freshFolder();
      await writeCtSeries(folder, volume, { rescaleIntercept });
      const read = readBack(folder);
      expect([...read.voxels]).toEqual([...volume.voxels]);
      expect(geometriesAgree(read.geometry, volume.geometry, 1e-6)).toBe(true);
    }
  });

  test('a left-handed grid is written from its last slice on, every voxel at its place', async () => {
    const volume = testVolume(leftHanded);
    const folder = freshFolder();
    await writeCtSeries(folder, volume);
    const read = readBack(folder);
    expect(read.geometry.spacing[2]).toBeCloseTo(2.5, 9);
    const plane = 35;
    for (let k = 0; k < 4; k++) {
      expect([...read.voxels.subarray(k * plane, (k + 1) * plane)]).toEqual([
        ...volume.voxels.subarray((3 - k) * plane, (4 - k) * plane),
      ]);
      const p = indexToWorld(read.geometry, [2, 3, k]);
      const q = indexToWorld(volume.geometry, [2, 3, 3 - k]);
      for (let a = 0; a < 3; a++) expect(p[a]).toBeCloseTo(q[a]!, 6);
    }
  });

  test('fractions of a HU are rounded; NaN and values beyond 16 bits are refused with nothing left', async () => {
    const folder = freshFolder();
    const volume = testVolume(identityDirection, false);
    await writeCtSeries(folder, volume);
    expect([...readBack(folder).voxels]).toEqual([...volume.voxels].map(Math.round));
    for (const wrong of [Number.NaN, 40_000, Number.POSITIVE_INFINITY]) {
      const bad = testVolume(identityDirection, false);
      bad.voxels[100] = wrong;
      const target = freshFolder();
      await expect(writeCtSeries(target, bad)).rejects.toMatchObject({ code: 'value-invalid' });
      expect(existsSync(target)).toBe(false);
    }
  });

  test('the same input gives the same bytes; another volume gives other UIDs', async () => {
    const [a, b, c] = [freshFolder(), freshFolder(), freshFolder()];
    await writeCtSeries(a, testVolume(oblique));
    await writeCtSeries(b, testVolume(oblique));
    await writeCtSeries(c, testVolume(identityDirection));
    for (const name of readdirSync(a)) {
      expect(readFileSync(join(a, name)).equals(readFileSync(join(b, name)))).toBe(true);
    }
    const uids = [...readBack(a).uids, ...readBack(c).uids];
    expect(new Set(uids).size).toBe(8);
    for (const uid of uids) expect(uid).toMatch(/^2\.25\.[1-9][0-9]{0,38}$/);
  });

  test('file names are free, and a sheared stack steps as told', async () => {
    const volume = testVolume(identityDirection);
    const folder = freshFolder();
    await writeCtSeries(folder, volume, { fileName: (n) => `I${(n * 3) % 5}`, sliceStepMm: [0, 1, 2.5] });
    expect(readdirSync(folder).sort()).toEqual(['I1', 'I2', 'I3', 'I4']);
    const last = dicomParser.parseDicom(readFileSync(join(folder, 'I2')));
    expect(last.string('x00200013')).toBe('4');
    const [x, y, z] = volume.geometry.origin;
    const position = last.string('x00200032')!.split('\\').map(Number);
    [x, y + 3, z + 7.5].forEach((v, a) => {
      expect(position[a]).toBeCloseTo(v, 9);
    });
    expect(Number(last.string('x00181120'))).toBeCloseTo((Math.atan2(1, 2.5) * 180) / Math.PI, 3);
  });

  test.skipIf(!hasSystemTools(['dciodvfy']))(needs(['dciodvfy'], 'dciodvfy finds no error'), async () => {
    const series: [Volume, Parameters<typeof writeCtSeries>[2]][] = [
      [testVolume(identityDirection), { origin: 'ORIGINAL', kvp: 120, patientSex: 'F', bodyPart: 'ABDOMEN' }],
      [testVolume(oblique), {}],
      [testVolume(leftHanded), { rescaleIntercept: -1024, sliceStepMm: [0, 1, -2.5] }],
    ];
    for (const [volume, options] of series) {
      const folder = freshFolder();
      await writeCtSeries(folder, volume, options);
      for (const name of readdirSync(folder)) {
        const run = spawnSync('dciodvfy', [join(folder, name)], { encoding: 'utf8' });
        const said = `${run.stdout}${run.stderr}`;
        expect(said).toContain('CTImage');
        expect(said.split('\n').filter((line) => /error|warning/i.test(line))).toEqual([]);
      }
    }
  });

  test.skipIf(!hasSystemTools(['python3-pydicom', 'python3-numpy']))(
    needs(['python3-pydicom', 'python3-numpy'], 'pydicom reads the same Hounsfield units and positions'),
    async () => {
      const volume = testVolume(oblique);
      const folder = freshFolder();
      await writeCtSeries(folder, volume, { rescaleIntercept: -1024, patientName: 'Phantom^007' });
      const script = `
import sys, json, glob, pydicom
files = sorted((pydicom.dcmread(f) for f in glob.glob(sys.argv[1] + '/*')), key=lambda d: int(d.InstanceNumber))
print(json.dumps({
  'hu': [v for d in files for v in (d.pixel_array.astype(int) * int(d.RescaleSlope) + int(d.RescaleIntercept)).ravel().tolist()],
  'positions': [[float(v) for v in d.ImagePositionPatient] for d in files],
  'orientation': [float(v) for v in files[0].ImageOrientationPatient],
  'name': str(files[0].PatientName), 'syntax': str(files[0].file_meta.TransferSyntaxUID)}))`;
      const run = spawnSync(debianPython, ['-c', script, folder], { encoding: 'utf8' });
      const said = JSON.parse(run.stdout);
      expect(said.hu).toEqual([...volume.voxels]);
      expect(said.name).toBe('Phantom^007');
      expect(said.syntax).toBe('1.2.840.10008.1.2.1');
      const orientation = [...axisVector(volume.geometry, 0), ...axisVector(volume.geometry, 1)];
      orientation.forEach((v, i) => {
        expect(said.orientation[i]).toBeCloseTo(v, 12);
      });
      said.positions.forEach((position: number[], k: number) => {
        indexToWorld(volume.geometry, [0, 0, k]).forEach((v, a) => {
          expect(position[a]).toBeCloseTo(v, 9);
        });
      });
    },
  );
});

test('decimal strings hold at most 16 characters and lose next to nothing', () => {
  expect(decimalString(-0)).toBe('0');
  expect(decimalString(0.1)).toBe('0.1');
  for (const value of [-1 / 3, 1e-17 / 3, -123456.789012345, Math.SQRT1_2, -1e22 / 7, 2 / 3e-5]) {
    const text = decimalString(value);
    expect(text.length).toBeLessThanOrEqual(16);
    expect(text).toMatch(/^[-+0-9.eE]+$/);
    expect(Math.abs(Number(text) / value - 1)).toBeLessThan(1e-8);
  }
});

test('derived UIDs keep parts apart', () => {
  expect(derivedUid('a', 'bc')).not.toBe(derivedUid('ab', 'c'));
  expect(derivedUid('a', 1)).toBe(derivedUid('a', '1'));
  expect(derivedUid('series').length).toBeLessThanOrEqual(64);
});
