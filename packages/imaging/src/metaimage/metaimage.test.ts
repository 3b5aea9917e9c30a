import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { readImageNode, writeImageNode } from '@itk-wasm/image-io';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Geometry } from '../geometry/geometry.ts';
import { cornerMovement } from '../raster/grid-from-axes.ts';
import { readMetaImage } from './read-metaimage.ts';
import { writeMetaImage } from './write-metaimage.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glisson-meta-'));
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

test.each(['x.mha', 'x.mhd'])(
  '%s: written and re-read exactly; ITK reads the same, and we read what ITK writes',
  async (name) => {
    const path = join(folder, name);
    await writeMetaImage(path, { geometry: oblique, voxels });
    const image = await readMetaImage(path);
    expect(image.values).toEqual(voxels);
    expect(cornerMovement(image.geometry, oblique)).toBeLessThan(1e-12);
    expect(image.findings).toEqual([]);

    const itk = await readImageNode(path);
    expect(itk.data).toEqual(voxels);
    expect(itk.origin).toEqual([...oblique.origin]);
    expect([...itk.spacing]).toEqual([...oblique.spacing]);
    for (const [i, v] of [...(itk.direction as Float64Array)].entries())
      expect(v).toBeCloseTo(oblique.direction[i]!, 12);

    const byItk = join(folder, `itk-${name}`);
    await writeImageNode(itk, byItk, { useCompression: name === 'x.mha' });
    const again = await readMetaImage(byItk);
    expect(again.values).toEqual(voxels);
    expect(cornerMovement(again.geometry, oblique)).toBeLessThan(1e-6);
  },
);

let counter = 0;
async function meta(
  lines: readonly string[],
  data: Uint8Array,
  last = 'LOCAL',
  name = `${counter++}.mha`,
): Promise<string> {
  const path = join(folder, name);
  await writeFile(
    path,
    Buffer.concat([Buffer.from(`${lines.join('\n')}\nElementDataFile = ${last}\n`), data]),
  );
  return path;
}
const small = [
  'ObjectType = Image',
  'NDims = 3',
  'BinaryData = True',
  'TransformMatrix = 1 0 0 0 1 0 0 0 1',
  'Offset = 1 2 3',
  'ElementSpacing = 1 2 3',
  'DimSize = 2 1 1',
  'ElementType = MET_SHORT',
];
const without = (start: string) => small.filter((line) => !line.startsWith(start));
const int16 = Int16Array.of(-2, 300);
const little = Buffer.from(int16.buffer);

test.each([
  ['big-endian', [...small, 'BinaryDataByteOrderMSB = True'], Buffer.from(little).swap16()],
  ['ElementByteOrderMSB', [...small, 'ElementByteOrderMSB = True'], Buffer.from(little).swap16()],
  ['compressed', [...small, 'CompressedData = True', 'CompressedDataSize = 12'], deflateSync(little)],
  ['Position for Offset', [...without('Offset'), 'Position = 1 2 3'], little],
  ['HeaderSize -1', [...small, 'HeaderSize = -1'], Buffer.concat([Buffer.alloc(99), little])],
  ['HeaderSize', [...small, 'HeaderSize = 5'], Buffer.concat([Buffer.alloc(5), little])],
  [
    'a fourth axis of length 1',
    [
      'ObjectType = Image',
      'NDims = 4',
      'DimSize = 2 1 1 1',
      'ElementType = MET_SHORT',
      'ElementSpacing = 1 2 3 1',
      'Offset = 1 2 3 0',
      'TransformMatrix = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1',
    ],
    little,
  ],
])('%s', async (_, lines, data) => {
  const image = await readMetaImage(await meta(lines, data));
  expect(image.values).toEqual(int16);
  expect(image.geometry.origin).toEqual([1, 2, 3]);
  expect(image.geometry.spacing).toEqual([1, 2, 3]);
});

test('what the header leaves out is reported', async () => {
  const image = await readMetaImage(
    await meta(
      [
        ...without('TransformMatrix').filter((l) => !l.startsWith('ElementSpacing')),
        'ElementToIntensityFunctionSlope = 2',
      ],
      little,
    ),
  );
  expect(image.findings.map((f) => f.code)).toEqual([
    'scaling-ignored',
    'spacing-unknown',
    'orientation-unknown',
  ]);
});

test('the voxel file must be beside the header', async () => {
  await expect(readMetaImage(await meta(small, new Uint8Array(0), '../x.raw'))).rejects.toMatchObject({
    code: 'unsupported',
  });
  await expect(readMetaImage(await meta(small, new Uint8Array(0), 'gone.raw'))).rejects.toMatchObject({
    code: 'not-found',
  });
});

test.each([
  ['too few bytes', small, little.subarray(0, 3), 'damaged'],
  ['cut compression', [...small, 'CompressedData = True'], deflateSync(little).subarray(0, -3), 'damaged'],
  ['several channels', [...small, 'ElementNumberOfChannels = 3'], little, 'unsupported'],
  ['text data', [...without('BinaryData'), 'BinaryData = False'], little, 'unsupported'],
  [
    'several volumes',
    [...without('DimSize').filter((l) => !l.startsWith('NDims')), 'NDims = 4', 'DimSize = 2 1 1 5'],
    little,
    'unsupported',
  ],
  ['an array type', [...without('ElementType'), 'ElementType = MET_SHORT_ARRAY'], little, 'unsupported'],
  ['no size', without('DimSize'), little, 'damaged'],
  ['a negative size', [...without('DimSize'), 'DimSize = 2 -1 1'], little, 'damaged'],
  [
    'a broken matrix',
    [...without('TransformMatrix'), 'TransformMatrix = 1 0 0 0 1 0 0 x 1'],
    little,
    'damaged',
  ],
  [
    'a zero axis',
    [...without('TransformMatrix'), 'TransformMatrix = 1 0 0 0 1 0 0 0 0'],
    little,
    'geometry-invalid',
  ],
  ['a bomb', [...small, 'CompressedData = True'], deflateSync(new Uint8Array(50 << 20)), 'damaged'],
])('%s is refused', async (_, lines, data, code) => {
  await expect(readMetaImage(await meta(lines, data))).rejects.toMatchObject({ name: 'ImagingError', code });
});

test('a header without an end', async () => {
  const path = join(folder, 'open.mha');
  await writeFile(path, small.join('\n'));
  await expect(readMetaImage(path)).rejects.toMatchObject({ code: 'damaged', message: /does not end/ });
});
