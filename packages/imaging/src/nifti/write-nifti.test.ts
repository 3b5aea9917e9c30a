import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { determinant, type Geometry, type Mat3 } from '../geometry/geometry.ts';
import { cornerMovement } from '../raster/grid-from-axes.ts';
import { quaternionMatrix } from './nifti-geometry.ts';
import { readNifti } from './read-nifti.ts';
import { writeNifti } from './write-nifti.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glisson-nifti-write-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Rotations from random unit quaternions, half of them mirrored, and the 48 axis permutations with flips. */
const directions: fc.Arbitrary<Mat3> = fc.oneof(
  fc
    .tuple(
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc.boolean(),
    )
    .map(([b, c, d, mirrored]) => {
      const length = Math.max(1, Math.hypot(b, c, d));
      const m = quaternionMatrix([b / length, c / length, d / length]);
      return (mirrored ? m.map((v, i) => (i % 3 === 1 ? -v : v)) : m) as unknown as Mat3;
    }),
  fc
    .tuple(
      fc.constantFrom([0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]),
      fc.integer({ min: 0, max: 7 }),
    )
    .map(([perm, flips]) => {
      const m = new Array<number>(9).fill(0);
      for (let axis = 0; axis < 3; axis++) m[3 * perm[axis]! + axis] = flips & (1 << axis) ? -1 : 1;
      return m as unknown as Mat3;
    }),
);

/** Sets sform or qform code to 0 in written bytes, so that the other one is read. */
async function only(form: 'sform' | 'qform', path: string, target: string): Promise<string> {
  const bytes = await readFile(path);
  bytes.writeInt16LE(0, form === 'sform' ? 252 : 254);
  await writeFile(target, bytes);
  return target;
}

test('written and re-read: same voxels, same place, by sform and by qform, left-handed and oblique too', async () => {
  const path = join(folder, 'round.nii');
  await fc.assert(
    fc.asyncProperty(directions, async (direction) => {
      const geometry: Geometry = {
        size: [7, 5, 3],
        spacing: [0.7, 0.81, 2.5],
        origin: [-180.3, 20.25, -977.1],
        direction,
      };
      const voxels = Int16Array.from({ length: 105 }, (_, i) => i * 311 - 16000);
      await writeNifti(path, { geometry, voxels });
      for (const form of ['sform', 'qform'] as const) {
        const image = await readNifti(await only(form, path, join(folder, 'one.nii')));
        expect(image.values).toEqual(voxels);
        expect(image.findings).toEqual([]);
        expect(Math.sign(determinant(image.geometry.direction))).toBe(Math.sign(determinant(direction)));
        // float32 has 1e-7 of the origin's 977 mm; a quaternion close to a half turn loses half of its digits.
        expect(cornerMovement(image.geometry, geometry)).toBeLessThan(form === 'sform' ? 2e-4 : 1e-2);
      }
    }),
    { numRuns: 60 },
  );
});

test.each([
  ['Int16', Int16Array.of(-32768, -1, 0, 32767)],
  ['Float32', Float32Array.of(-1e30, 0.1, Number.NaN, 5)],
  ['Uint8', Uint8Array.of(0, 1, 2, 255)],
])('%s voxels come back as they were, packed and plain', async (_, voxels) => {
  const geometry: Geometry = {
    size: [2, 2, 1],
    spacing: [1, 1, 1],
    origin: [0, 0, 0],
    direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  };
  for (const name of ['x.nii', 'x.nii.gz']) {
    await writeNifti(join(folder, name), { geometry, voxels });
    expect((await readNifti(join(folder, name))).values).toEqual(voxels);
  }
});

test('the same image gives the same bytes, with no time in them', async () => {
  const geometry: Geometry = {
    size: [64, 64, 9],
    spacing: [1, 1, 1],
    origin: [0, 0, 0],
    direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  };
  const voxels = Int16Array.from({ length: 64 * 64 * 9 }, (_, i) => (i * 7919) % 4001);
  const paths = [join(folder, 'a.nii.gz'), join(folder, 'b.nii.gz')];
  for (const path of paths) await writeNifti(path, { geometry, voxels });
  const [a, b] = await Promise.all(paths.map((path) => readFile(path)));
  expect(a).toEqual(b);
  expect(a!.readUInt32LE(4)).toBe(0);
});

test('an abort in the middle leaves nothing behind', async () => {
  const target = join(folder, 'aborted');
  const geometry: Geometry = {
    size: [512, 512, 40],
    spacing: [1, 1, 1],
    origin: [0, 0, 0],
    direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  };
  const stop = new AbortController();
  const control = { signal: stop.signal, onProgress: () => stop.abort(new Error('enough')) };
  for (const name of ['x.nii', 'x.nii.gz']) {
    const write = writeNifti(
      join(target, name),
      { geometry, voxels: new Int16Array(512 * 512 * 40) },
      control,
    );
    await expect(write).rejects.toThrow('enough');
  }
  expect(await readdir(target)).toEqual([]);
});

const nibabelScript = `
import json, sys, numpy as np, nibabel as nib
image = nib.load(sys.argv[1])
header = image.header
json.dump({'shape': image.shape, 'sform': header.get_sform().tolist(), 'qform': header.get_qform().tolist(),
           'codes': [int(header['sform_code']), int(header['qform_code'])], 'units': header.get_xyzt_units()[0],
           'dtype': str(header.get_data_dtype()),
           'values': np.asarray(image.dataobj).flatten(order='F').tolist()}, sys.stdout)
`;

test.skipIf(!hasSystemTools(['python3-nibabel']))(
  needs(['python3-nibabel'], 'nibabel reads the same values and both affines'),
  async () => {
    // Left-handed and oblique: a rotation by 30 degrees about x with the third axis mirrored.
    const [c, s] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
    const geometry: Geometry = {
      size: [4, 3, 2],
      spacing: [0.5, 0.75, 3],
      origin: [10, -20, 30],
      direction: [1, 0, 0, 0, c, s, 0, s, -c],
    };
    const voxels = Int16Array.from({ length: 24 }, (_, i) => i * 100 - 1000);
    const path = join(folder, 'nb.nii.gz');
    await writeNifti(path, { geometry, voxels });
    const result = spawnSync(debianPython, ['-c', nibabelScript, path], { encoding: 'utf8' });
    expect(result.stderr).toBe('');
    const found = JSON.parse(result.stdout);
    expect(found).toMatchObject({
      shape: [4, 3, 2],
      codes: [1, 1],
      units: 'mm',
      dtype: 'int16',
      values: [...voxels],
    });
    const expected = [
      [-0.5, 0, 0, -10],
      [0, -0.75 * c, -3 * s, 20],
      [0, 0.75 * s, -3 * c, 30],
      [0, 0, 0, 1],
    ];
    for (const form of ['sform', 'qform']) {
      for (const [r, row] of expected.entries()) {
        for (const [col, value] of row.entries()) expect(found[form][r][col], form).toBeCloseTo(value, 5);
      }
    }
  },
);
