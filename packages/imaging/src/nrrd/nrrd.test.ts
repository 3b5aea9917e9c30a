import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { readImageNode } from '@itk-wasm/image-io';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasSharedData, realScan, sharedPath } from '../../../../testing/shared-data.ts';
import type { Geometry } from '../geometry/geometry.ts';
import { cornerMovement } from '../raster/grid-from-axes.ts';
import { readNrrd } from './read-nrrd.ts';
import { writeNrrd } from './write-nrrd.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glisson-nrrd-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const [c, s] = [Math.cos(0.4), Math.sin(0.4)];
/** Oblique and left-handed. */
const oblique: Geometry = {
  size: [5, 4, 3],
  spacing: [0.7, 0.8, 2.5],
  origin: [-120.123456789, 33.25, -900.5],
  direction: [c, 0, s, s, 0, -c, 0, 1, 0],
};
const voxels = Int16Array.from({ length: 60 }, (_, i) => i * 500 - 15000);

let counter = 0;
/** A header with these lines and the bytes behind it. */
async function nrrd(
  lines: readonly string[],
  data: Uint8Array = new Uint8Array(0),
  name?: string,
): Promise<string> {
  const path = join(folder, name ?? `${counter++}.nrrd`);
  await writeFile(path, Buffer.concat([Buffer.from(`${lines.join('\n')}\n\n`), data]));
  return path;
}
const small = [
  'NRRD0005',
  'type: uchar',
  'dimension: 3',
  'sizes: 2 2 2',
  'encoding: raw',
  'space: LPS',
  'space directions: (1,0,0) (0,1,0) (0,0,1)',
];
const bytes8 = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const without = (start: string) => small.filter((line) => !line.startsWith(start));
const codes = (image: { findings: readonly { code: string }[] }) => image.findings.map((f) => f.code);

test('written and re-read to the last digit; ITK reads the same voxels and place', async () => {
  const path = join(folder, 'round.nrrd');
  await writeNrrd(path, { geometry: oblique, voxels });
  const image = await readNrrd(path);
  expect(image.values).toEqual(voxels);
  expect(cornerMovement(image.geometry, oblique)).toBeLessThan(1e-12);
  expect(image.findings).toEqual([]);
  const itk = await readImageNode(path);
  expect(itk.data).toEqual(voxels);
  expect(itk.origin).toEqual([...oblique.origin]);
  for (const [i, v] of [...(itk.direction as Float64Array)].entries())
    expect(v).toBeCloseTo(oblique.direction[i]!, 12);
  for (const [i, v] of itk.spacing.entries()) expect(v).toBeCloseTo(oblique.spacing[i]!, 12);
});

test('RAS and LAS become LPS', async () => {
  for (const [space, signs] of [
    ['right-anterior-superior', [-1, -1, 1]],
    ['LAS', [1, -1, 1]],
  ] as const) {
    const image = await readNrrd(
      await nrrd(
        [
          ...without('space'),
          `space: ${space}`,
          'space directions: (2,0,0) (0,3,0) (0,0,4)',
          'space origin: (10,20,30)',
        ],
        bytes8,
      ),
    );
    expect(image.geometry.direction).toEqual([signs[0], 0, 0, 0, signs[1], 0, 0, 0, 1]);
    expect(image.geometry.origin).toEqual([10 * signs[0], 20 * signs[1], 30]);
    expect(image.geometry.spacing).toEqual([2, 3, 4]);
  }
});

describe('encodings', () => {
  const int16 = Int16Array.of(-2, 300);
  const header = (encoding: string, endian: string) => [
    'NRRD0004',
    'type: short',
    'dimension: 3',
    'sizes: 2 1 1',
    `encoding: ${encoding}`,
    `endian: ${endian}`,
    ...small.slice(5),
  ];
  const little = Buffer.from(int16.buffer);
  const big = Buffer.from(little).swap16();
  test.each([
    ['raw little', header('raw', 'little'), little],
    ['raw big', header('raw', 'big'), big],
    ['gzip big', header('gz', 'big'), gzipSync(big)],
    [
      'gzip with a byte skip inside',
      [...header('gzip', 'little'), 'byte skip: 3'],
      gzipSync(Buffer.concat([big.subarray(0, 3), little])),
    ],
    ['ascii', header('text', 'little'), Buffer.from('-2\n 300\n')],
    [
      'raw after lines and bytes',
      [...header('raw', 'little'), 'line skip: 2', 'byte skip: 1'],
      Buffer.concat([Buffer.from('a\nb\n!'), little]),
    ],
    [
      'raw at the end of the file',
      [...header('raw', 'little'), 'byteskip: -1'],
      Buffer.concat([Buffer.alloc(777), little]),
    ],
  ])('%s', async (_, lines, data) => {
    expect((await readNrrd(await nrrd(lines, data))).values).toEqual(int16);
  });

  test('detached header; the voxel file must be beside it', async () => {
    await writeFile(join(folder, 'x.raw'), bytes8);
    const image = await readNrrd(await nrrd([...small, 'data file: x.raw'], undefined, 'x.nhdr'));
    expect(image.values).toEqual(bytes8);
    for (const name of ['../x.raw', '/etc/hostname', 'sub/../../x.raw']) {
      const read = readNrrd(await nrrd([...small, `data file: ${name}`], undefined, 'evil.nhdr'));
      await expect(read).rejects.toMatchObject({ code: 'unsupported', message: /outside/ });
    }
    const missing = readNrrd(await nrrd([...small, 'data file: y.raw'], undefined, 'y.nhdr'));
    await expect(missing).rejects.toMatchObject({ code: 'not-found' });
  });
});

test('missing orientation or spacing is reported, not guessed in silence', async () => {
  const spaced = await readNrrd(await nrrd([...small.slice(0, 5), 'spacings: 1 2 3'], bytes8));
  expect(spaced.geometry.spacing).toEqual([1, 2, 3]);
  expect(codes(spaced)).toEqual(['orientation-unknown']);
  const bare = await readNrrd(await nrrd(small.slice(0, 5), bytes8));
  expect(codes(bare)).toEqual(['orientation-unknown', 'spacing-unknown']);
  const odd = await readNrrd(await nrrd([...without('space:'), 'space: scanner-xyz'], bytes8));
  expect(codes(odd)).toEqual(['orientation-unknown']);
});

test('a list axis of length 1 is dropped, a longer one is refused', async () => {
  const four = (n: number) => [
    'NRRD0005',
    'type: uchar',
    'dimension: 4',
    `sizes: ${n} 2 2 2`,
    'encoding: raw',
    'kinds: list domain domain domain',
    'space: LPS',
    'space directions: none (1,0,0) (0,1,0) (0,0,1)',
  ];
  expect((await readNrrd(await nrrd(four(1), bytes8))).geometry.size).toEqual([2, 2, 2]);
  await expect(readNrrd(await nrrd(four(3), new Uint8Array(24)))).rejects.toMatchObject({
    code: 'unsupported',
  });
});

test.each([
  ['too few bytes', small, bytes8.subarray(0, 7), 'damaged'],
  ['a cut gzip', [...without('encoding'), 'encoding: gzip'], gzipSync(bytes8).subarray(0, -6), 'damaged'],
  ['bzip2', [...without('encoding'), 'encoding: bzip2'], bytes8, 'unsupported'],
  ['no type', without('type'), bytes8, 'damaged'],
  ['blocks', [...without('type'), 'type: block'], bytes8, 'unsupported'],
  ['a wrong dimension', [...without('dimension'), 'dimension: 4'], bytes8, 'damaged'],
  [
    'a broken vector',
    [...without('space directions'), 'space directions: (1,0,0) (0,1) (0,0,1)'],
    bytes8,
    'damaged',
  ],
  [
    'sheared axes',
    [...without('space directions'), 'space directions: (1,0,0) (0.5,1,0) (0,0,1)'],
    bytes8,
    'geometry-invalid',
  ],
  ['16 bit without byte order', [...without('type'), 'type: short'], new Uint8Array(16), 'damaged'],
  ['inches', [...small, 'space units: "inch" "inch" "inch"'], bytes8, 'unsupported'],
  [
    'text that is no number',
    [...without('encoding'), 'encoding: ascii'],
    Buffer.from('1 2 3 4 x 6 7 8'),
    'damaged',
  ],
  ['a line that is no field', [...small, 'hello'], bytes8, 'damaged'],
  ['a gzip bomb', [...without('encoding'), 'encoding: gzip'], gzipSync(new Uint8Array(50 << 20)), 'damaged'],
  ['deflate garbage', [...without('encoding'), 'encoding: gzip'], deflateSync(bytes8).subarray(3), 'damaged'],
])('%s is refused', async (_, lines, data, code) => {
  await expect(readNrrd(await nrrd(lines, data))).rejects.toMatchObject({ name: 'ImagingError', code });
});

test.skipIf(!hasSharedData)(realScan('NRRD files of dcmqi read as ITK reads them'), async () => {
  const files = [
    'paramaps/pm-example.nrrd',
    'paramaps/pm-example-float.nrrd',
    'segmentations/24x38x3/nrrd/label.nrrd',
    'segmentations/liver_seg.nrrd',
  ];
  for (const file of files) {
    const path = sharedPath('data', 'dicom', 'corpus', 'dcmqi', file);
    const image = await readNrrd(path);
    const itk = await readImageNode(path);
    // Vitest compares long arrays element by element, which takes seconds.
    const bytes = (array: { buffer: ArrayBufferLike; byteOffset: number; byteLength: number }) =>
      Buffer.from(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);
    expect(bytes(image.values).equals(bytes(itk.data as Int16Array)), file).toBe(true);
    expect(image.values.constructor).toBe(itk.data!.constructor);
    expect(image.geometry.origin).toEqual(itk.origin);
    for (const [i, v] of [...(itk.direction as Float64Array)].entries())
      expect(image.geometry.direction[i]).toBeCloseTo(v, 12);
    for (const [i, v] of itk.spacing.entries()) expect(image.geometry.spacing[i]).toBeCloseTo(v, 12);
  }
});
