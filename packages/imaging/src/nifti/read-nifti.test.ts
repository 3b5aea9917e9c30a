import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { indexToWorld, type Vec3 } from '../geometry/geometry.ts';
import { toLabelValues, toVolume } from '../raster/stored-image.ts';
import { readNifti } from './read-nifti.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glisson-nifti-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Fields {
  readonly dims?: readonly number[];
  readonly type?: number;
  readonly bits?: number;
  readonly pixdim?: readonly number[];
  readonly offset?: number;
  readonly slope?: number;
  readonly intercept?: number;
  readonly units?: number;
  readonly qform?: { readonly b: number; readonly c: number; readonly d: number; readonly offset: Vec3 };
  readonly sform?: readonly (readonly number[])[];
  readonly magic?: string;
  readonly bigEndian?: boolean;
}

/** A NIfTI-1 file by the offsets of nifti1.h; default: 2 x 3 x 2 int16, 0..11, identity sform. */
function niftiFile(fields: Fields = {}, voxels?: Uint8Array): Buffer {
  const header = Buffer.alloc(352);
  const little = !fields.bigEndian;
  const i16 = (at: number, v: number) => (little ? header.writeInt16LE(v, at) : header.writeInt16BE(v, at));
  const i32 = (at: number, v: number) => (little ? header.writeInt32LE(v, at) : header.writeInt32BE(v, at));
  const f32 = (at: number, v: number) => (little ? header.writeFloatLE(v, at) : header.writeFloatBE(v, at));
  i32(0, 348);
  (fields.dims ?? [3, 2, 3, 2]).forEach((n, i) => void i16(40 + 2 * i, n));
  i16(70, fields.type ?? 4);
  i16(72, fields.bits ?? 16);
  (fields.pixdim ?? [1, 1, 1, 1]).forEach((v, i) => void f32(76 + 4 * i, v));
  f32(108, fields.offset ?? 352);
  f32(112, fields.slope ?? 0);
  f32(116, fields.intercept ?? 0);
  header[123] = fields.units ?? 2;
  if (fields.qform !== undefined) {
    i16(252, 1);
    [fields.qform.b, fields.qform.c, fields.qform.d, ...fields.qform.offset].forEach(
      (v, i) => void f32(256 + 4 * i, v),
    );
  }
  const sform =
    fields.sform ??
    (fields.qform === undefined
      ? [
          [1, 0, 0, 0],
          [0, 1, 0, 0],
          [0, 0, 1, 0],
        ]
      : []);
  if (sform.length > 0) i16(254, 1);
  sform.flat().forEach((v, i) => void f32(280 + 4 * i, v));
  header.write(fields.magic ?? 'n+1\0', 344, 'latin1');
  const data = Buffer.from(voxels ?? new Uint8Array(Int16Array.from({ length: 12 }, (_, i) => i).buffer));
  return Buffer.concat([header, data]);
}

let counter = 0;
async function save(bytes: Uint8Array, name = `image-${counter++}.nii`): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

const read = async (fields: Fields, voxels?: Uint8Array) => readNifti(await save(niftiFile(fields, voxels)));
const codes = (image: { findings: readonly { code: string }[] }) => image.findings.map((f) => f.code);

describe('where the grid lies', () => {
  test('RAS becomes LPS: the left-posterior-inferior corner of a RAS grid', async () => {
    const image = await read({
      sform: [
        [2, 0, 0, -50],
        [0, 3, 0, 60],
        [0, 0, 4, 7],
      ],
      pixdim: [1, 2, 3, 4],
    });
    expect(image.geometry).toEqual({
      size: [2, 3, 2],
      spacing: [2, 3, 4],
      origin: [50, -60, 7],
      direction: [-1, 0, 0, 0, -1, 0, 0, 0, 1],
    });
    expect(image.findings).toEqual([]);
  });

  test('qfac -1 keeps a left-handed grid, as in the example of nifti1.h', async () => {
    // i left to right, j anterior to posterior, k inferior to superior: quaternion (0, 1, 0, 0) and qfac -1.
    const image = await read({ qform: { b: 1, c: 0, d: 0, offset: [5, 6, 7] }, pixdim: [-1, 1, 2, 3] });
    expect(image.geometry.direction.map((v) => Math.round(v) + 0)).toEqual([-1, 0, 0, 0, 1, 0, 0, 0, 1]);
    expect(image.geometry.spacing).toEqual([1, 2, 3]);
    expect(image.geometry.origin).toEqual([-5, -6, 7]);
  });

  test('a half turn whose quaternion was rounded above length 1 has no NaN', async () => {
    const image = await read({ qform: { b: 0.70710683, c: 0.70710683, d: 0, offset: [0, 0, 0] } });
    const swapped = [0, -1, 0, -1, 0, 0, 0, 0, -1];
    for (const [i, v] of image.geometry.direction.entries()) expect(v).toBeCloseTo(swapped[i]!, 6);
  });

  test('sform wins over qform, and the difference is reported', async () => {
    const image = await read({
      sform: [
        [-1, 0, 0, 0],
        [0, -1, 0, 0],
        [0, 0, 1, 0],
      ],
      qform: { b: 0, c: 0, d: 0, offset: [0, 0, 0] },
    });
    expect(image.geometry.direction).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
    expect(codes(image)).toEqual(['sform-qform-differ']);
  });

  test('an sform without lengths falls back to the qform', async () => {
    const image = await read({
      sform: [
        [0, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
      ],
      qform: { b: 0, c: 0, d: 0, offset: [1, 2, 3] },
    });
    expect(image.geometry.origin).toEqual([-1, -2, 3]);
    expect(codes(image)).toEqual(['sform-unusable']);
  });

  test('neither sform nor qform: pixdim, with a warning', async () => {
    const bytes = niftiFile({ pixdim: [1, 0.5, 0.5, 5] });
    bytes.writeInt16LE(0, 254);
    const image = await readNifti(await save(bytes));
    expect(image.geometry.spacing).toEqual([0.5, 0.5, 5]);
    expect(codes(image)).toEqual(['orientation-unknown']);
  });

  test.each([
    [1, 0.002, 2],
    [3, 2000, 2],
    [0, 2, 2],
  ])('unit code %i: %f is %f mm', async (units, stored, mm) => {
    const image = await read({
      units,
      sform: [
        [stored, 0, 0, stored],
        [0, stored, 0, 0],
        [0, 0, stored, 0],
      ],
      pixdim: [1, stored, stored, stored],
    });
    expect(image.geometry.spacing[0]).toBeCloseTo(mm, 6);
    expect(image.geometry.origin[0]).toBeCloseTo(-mm, 6);
    expect(image.findings).toEqual([]);
  });

  test('a sheared sform is refused and says what it found', async () => {
    const sheared = read({
      sform: [
        [1, 0, 0, 0],
        [0, 1, 0.1, 0],
        [0, 0, 1, 0],
      ],
    });
    await expect(sheared).rejects.toMatchObject({ code: 'geometry-invalid', message: /sheared.*0\.0995/s });
  });

  test('a slightly sheared sform of a long image is straightened and reported', async () => {
    const dims = [3, 2, 2, 400];
    const image = await read(
      {
        dims,
        type: 2,
        bits: 8,
        sform: [
          [1, 0, 0, 0],
          [0, 1, 0.0009, 0],
          [0, 0, 1, 0],
        ],
      },
      new Uint8Array(1600),
    );
    expect(codes(image)).toEqual(['axes-straightened']);
    const d = image.geometry.direction;
    expect(d[1] * d[2] + d[4] * d[5] + d[7] * d[8]).toBeCloseTo(0, 12);
  });

  test('further axes of length 1 are dropped, time points are refused', async () => {
    const image = await read({ dims: [5, 2, 3, 2, 1, 1] });
    expect(image.geometry.size).toEqual([2, 3, 2]);
    await expect(read({ dims: [4, 2, 3, 1, 2] })).rejects.toMatchObject({
      code: 'unsupported',
      message: /2 x 3 x 1 x 2 \(2 time points\)/,
    });
  });
});

describe('voxel values', () => {
  const bytesOf = (array: { buffer: ArrayBufferLike }) => new Uint8Array(array.buffer as ArrayBuffer);

  test('slope 0 and NaN mean: as stored', async () => {
    for (const slope of [0, Number.NaN]) {
      const { volume } = toVolume(await read({ slope, intercept: 5 }));
      expect(volume.voxels).toEqual(Int16Array.from({ length: 12 }, (_, i) => i));
    }
  });

  test('a fractional slope gives Float32, a whole one Int16', async () => {
    const dims = [3, 2, 1, 1];
    const float = await read(
      { dims, type: 2, bits: 8, slope: 400 / 255, intercept: -160 },
      Uint8Array.of(0, 255),
    );
    const slope = Math.fround(400 / 255);
    expect(toVolume(float).volume.voxels).toEqual(Float32Array.of(-160, 255 * slope - 160));
    const whole = await read({ dims, type: 2, bits: 8, slope: 4, intercept: -1024 }, Uint8Array.of(0, 255));
    expect(toVolume(whole).volume.voxels).toEqual(Int16Array.of(-1024, -4));
  });

  test.each([
    ['uint16', 512, 16, Uint16Array.of(0, 65535), Float32Array.of(0, 65535)],
    ['int32', 8, 32, Int32Array.of(-5, 7), Int16Array.of(-5, 7)],
    ['int64', 1024, 64, BigInt64Array.of(-5n, 7n), Int16Array.of(-5, 7)],
    ['float32', 16, 32, Float32Array.of(-1024, 3071), Int16Array.of(-1024, 3071)],
    ['float32 with a fraction', 16, 32, Float32Array.of(0.5, 3), Float32Array.of(0.5, 3)],
    ['float64 beyond Int16', 64, 64, Float64Array.of(1e5, 0), Float32Array.of(1e5, 0)],
  ])('%s', async (_, type, bits, stored, expected) => {
    const image = await read({ dims: [3, 2, 1, 1], type, bits }, bytesOf(stored));
    expect(toVolume(image).volume.voxels).toEqual(expected);
  });

  test('NaN stays in the volume for the checks to find', async () => {
    const image = await read(
      { dims: [3, 2, 1, 1], type: 16, bits: 32 },
      bytesOf(Float32Array.of(Number.NaN, 1)),
    );
    expect(toVolume(image).volume.voxels).toEqual(Float32Array.of(Number.NaN, 1));
    expect(() => toLabelValues(image)).toThrow(/no labels.*NaN/s);
  });

  test('rounding of huge integers is reported', async () => {
    const image = await read({ dims: [3, 2, 1, 1], type: 8, bits: 32 }, bytesOf(Int32Array.of(16777217, 0)));
    expect(codes(toVolume(image))).toEqual(['values-rounded']);
  });

  test('labels may be floats, but not fractions or beyond 255', async () => {
    const labels = await read({ dims: [3, 2, 1, 1], type: 16, bits: 32 }, bytesOf(Float32Array.of(2, 0)));
    expect(toLabelValues(labels)).toEqual(Uint8Array.of(2, 0));
    const fraction = await read({ dims: [3, 2, 1, 1], type: 16, bits: 32 }, bytesOf(Float32Array.of(0, 0.5)));
    expect(() => toLabelValues(fraction)).toThrow(/voxel \(1, 0, 0\).*0\.5/s);
    const large = await read({ dims: [3, 2, 1, 1], type: 4, bits: 16 }, bytesOf(Int16Array.of(0, 256)));
    expect(() => toLabelValues(large)).toThrow(expect.objectContaining({ code: 'label-unknown' }));
  });
});

describe('files', () => {
  test('compression is seen from the bytes, a pair is found from either file', async () => {
    const bytes = niftiFile();
    const packed = await readNifti(await save(gzipSync(bytes), 'packed.nii'));
    expect(packed.values).toEqual(Int16Array.from({ length: 12 }, (_, i) => i));
    await save(niftiFile({ magic: 'ni1\0', offset: 0 }).subarray(0, 348), 'pair.hdr');
    const img = await save(bytes.subarray(352), 'pair.img');
    expect((await readNifti(img)).values).toEqual(packed.values);
    await save(niftiFile({ magic: 'ni1\0', offset: 0 }).subarray(0, 348), 'alone.hdr');
    await expect(readNifti(join(folder, 'alone.hdr'))).rejects.toMatchObject({ code: 'not-found' });
  });

  test('extensions before the voxels are passed over', async () => {
    const bytes = niftiFile({ offset: 400 });
    const image = await readNifti(
      await save(Buffer.concat([bytes.subarray(0, 352), Buffer.alloc(48, 9), bytes.subarray(352)])),
    );
    expect(image.values).toEqual(Int16Array.from({ length: 12 }, (_, i) => i));
  });

  test('big-endian', async () => {
    const voxels = Buffer.from(Int16Array.from({ length: 12 }, (_, i) => 300 * i - 1000).buffer).swap16();
    const image = await read(
      {
        bigEndian: true,
        sform: [
          [1, 0, 0, 9],
          [0, 1, 0, 0],
          [0, 0, 1, 0],
        ],
      },
      voxels,
    );
    expect(image.values).toEqual(Int16Array.from({ length: 12 }, (_, i) => 300 * i - 1000));
    expect(image.geometry.origin[0]).toBe(-9);
  });

  test.each([
    ['cut inside the header', () => niftiFile().subarray(0, 200), 'damaged'],
    ['cut before the last voxel', () => niftiFile().subarray(0, 352 + 23), 'damaged'],
    ['cut before the last voxel, compressed', () => gzipSync(niftiFile().subarray(0, 352 + 23)), 'damaged'],
    [
      'a compressed stream that is cut',
      () => gzipSync(niftiFile({}, randomBytes())).subarray(0, -9),
      'damaged',
    ],
    ['a compressed stream with a wrong checksum', () => flipAt(gzipSync(niftiFile()), -7), 'damaged'],
    ['no size', () => niftiFile({ dims: [0, 2, 3, 2] }), 'damaged'],
    ['a negative size', () => niftiFile({ dims: [3, 2, -3, 2] }), 'damaged'],
    ['a fractional voxel offset', () => niftiFile({ offset: 352.5 }), 'damaged'],
    ['ANALYZE 7.5', () => niftiFile({ magic: '\0\0\0\0' }), 'unsupported'],
    ['colour', () => niftiFile({ type: 128, bits: 24 }), 'unsupported'],
    ['complex', () => niftiFile({ type: 32, bits: 64 }), 'unsupported'],
    ['something else', () => Buffer.from('hello, world'), 'not-an-image'],
    ['a claim of 30 terabytes', () => gzipSync(niftiFile({ dims: [3, 32767, 32767, 32767] })), 'damaged'],
  ])('%s is refused', async (_, make, code) => {
    await expect(readNifti(await save(make()))).rejects.toMatchObject({ name: 'ImagingError', code });
  });

  test('a gzip bomb behind the voxels is not unpacked', async () => {
    const bomb = gzipSync(Buffer.concat([niftiFile(), Buffer.alloc(300 << 20)]), { level: 1 });
    const before = process.memoryUsage().rss;
    await expect(readNifti(await save(bomb))).rejects.toMatchObject({ code: 'damaged', message: /far more/ });
    expect(process.memoryUsage().rss - before).toBeLessThan(100 << 20);
  });

  test('a little padding behind the voxels is reported', async () => {
    const image = await readNifti(await save(Buffer.concat([niftiFile(), Buffer.alloc(160)])));
    expect(codes(image)).toEqual(['trailing-bytes']);
  });

  test('a cancelled read rejects with the reason', async () => {
    const path = await save(niftiFile());
    await expect(readNifti(path, { signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop');
  });
});

function randomBytes(): Uint8Array {
  return Uint8Array.from({ length: 24 }, (_, i) => (i * 97 + 13) % 251);
}

function flipAt(bytes: Buffer, at: number): Buffer {
  const index = bytes.length + at;
  bytes[index] = bytes[index]! ^ 0xff;
  return bytes;
}

const nibabelScript = `
import json, sys, numpy as np, nibabel as nib
folder = sys.argv[1]
rng = np.random.default_rng(7)
out = []
names = ['uint8', 'int16', 'int32', 'float32', 'float64', 'int8', 'uint16', 'uint32', 'int64', 'uint64']
for n, name in enumerate(names):
    for endian in '<>':
        for version in (1, 2):
            q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
            if (np.linalg.det(q) < 0) != (n % 2 == 1):
                q[:, 0] *= -1
            affine = np.eye(4)
            affine[:3, :3] = q @ np.diag([0.7, 0.8, 2.5])
            affine[:3, 3] = [-120.5, 33.25, 900]
            data = rng.integers(0, 100, size=(4, 3, 5)).astype(name)
            header = (nib.Nifti1Header if version == 1 else nib.Nifti2Header)(endianness=endian)
            header.set_data_dtype(np.dtype(name).newbyteorder(endian))
            image = (nib.Nifti1Image if version == 1 else nib.Nifti2Image)(data, affine, header)
            use_qform = (n + version) % 2 == 0
            image.set_qform(affine, 1)
            image.set_sform(affine, 0 if use_qform else 1)
            image.header.set_slope_inter(2, -1024)
            path = f'{folder}/nb-{name}-{"le" if endian == "<" else "be"}-{version}.nii' + ('.gz' if n % 3 == 0 else '')
            image.to_filename(path)
            again = nib.load(path)
            out.append({'path': path, 'affine': again.affine.tolist(), 'values': again.get_fdata().flatten(order='F').tolist()})
json.dump(out, sys.stdout)
`;

test.skipIf(!hasSystemTools(['python3-nibabel']))(
  needs(['python3-nibabel'], 'every number type, byte order, version and placement reads as in nibabel'),
  async () => {
    const script = await save(Buffer.from(nibabelScript), 'write.py');
    const result = spawnSync(debianPython, [script, folder], { encoding: 'utf8', maxBuffer: 1 << 26 });
    expect(result.stderr).toBe('');
    const cases = JSON.parse(result.stdout) as { path: string; affine: number[][]; values: number[] }[];
    expect(cases.length).toBe(40);
    for (const { path, affine, values } of cases) {
      const image = await readNifti(path);
      const { volume } = toVolume(image);
      expect([...volume.voxels], path).toEqual(values);
      for (const index of [
        [0, 0, 0],
        [3, 0, 0],
        [0, 2, 0],
        [0, 0, 4],
      ] as const) {
        const ras = affine
          .slice(0, 3)
          .map((row) => row[0]! * index[0] + row[1]! * index[1] + row[2]! * index[2] + row[3]!);
        const lps = indexToWorld(volume.geometry, index);
        expect(Math.hypot(lps[0] + ras[0]!, lps[1] + ras[1]!, lps[2] - ras[2]!), path).toBeLessThan(1e-4);
      }
    }
  },
);

test('the test file builder writes what it says', async () => {
  // Guards the tests above against a builder that reader and test misread alike: magic at its place, size 352.
  const bytes = await readFile(await save(niftiFile()));
  expect(bytes.length).toBe(352 + 24);
  expect(bytes.toString('latin1', 344, 347)).toBe('n+1');
});
