import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { listDicom } from './list-series.ts';
import { readDicomScan } from './read-dicom-scan.ts';
import { readStoredPixels } from './stored-pixels.ts';
import { buildDicom, encapsulate } from './testing/build-dicom.ts';
import { ctSlice, folderOf } from './testing/ct-series.ts';

/** RLE of the 20 words of a slice: two literal segments. */
function rle(): Uint8Array {
  const header = new Uint32Array(16);
  header.set([2, 64, 85]);
  const literal = (start: number) => [19, ...Array.from({ length: 20 }, (_, i) => start + i)];
  return new Uint8Array([...new Uint8Array(header.buffer), ...literal(0), ...literal(50)]);
}

const nested = {
  '52009229 SQ': [{ '00289110 SQ': [{ '00280030 DS': '0.8\\0.7' }] }],
  '00283000 SQ': undefined,
};
const originals: readonly (readonly [string, Uint8Array])[] = [
  ['explicit', buildDicom(ctSlice())],
  [
    'implicit with sequences',
    buildDicom({ ...ctSlice(), ...nested }, { transferSyntax: '1.2.840.10008.1.2', undefinedLengths: true }),
  ],
  ['big endian', buildDicom({ ...ctSlice(), ...nested }, { transferSyntax: '1.2.840.10008.1.2.2' })],
  [
    'RLE',
    buildDicom(
      { ...ctSlice(), '7fe00010 OW': undefined, '7fe00010 OB/encapsulated': encapsulate([rle()], [0]) },
      { transferSyntax: '1.2.840.10008.1.2.5' },
    ),
  ],
  [
    'deflated',
    new Uint8Array(
      Buffer.concat([
        buildDicom({}, { transferSyntax: '1.2.840.10008.1.2.1.99' }),
        deflateRawSync(buildDicom(ctSlice(), { preamble: false, meta: false })),
      ]),
    ),
  ],
];

async function outcome(bytes: Uint8Array): Promise<string> {
  try {
    const pixels = await readStoredPixels(bytes);
    expect(pixels.values.length).toBe(pixels.rows * pixels.columns * pixels.frames * pixels.samples);
    return 'read';
  } catch (error) {
    const { name, message } = error as Error;
    expect(`${name}: ${message}`).toMatch(/^ImagingError: /);
    return 'refused';
  }
}

test.each(originals)('%s: cut off anywhere, never read as if whole', async (_name, bytes) => {
  expect(await outcome(bytes)).toBe('read');
  for (let length = 0; length < bytes.length - 9; length++) {
    expect(await outcome(bytes.subarray(0, length)), `cut at ${length} of ${bytes.length}`).toBe('refused');
  }
});

test.each(originals)(
  '%s: flipped bytes give a typed error or an image, never a crash or a hang',
  async (_name, bytes) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        async (changes) => {
          const broken = bytes.slice();
          for (const [at, value] of changes) broken[at] = value;
          await outcome(broken);
        },
      ),
      { numRuns: 400 },
    );
  },
);

test('a series with a broken file among sound ones is listed whatever is broken', async () => {
  const folder = folderOf({ a: ctSlice({ number: 1 }), b: ctSlice({ number: 2 }) });
  const bytes = buildDicom(ctSlice({ number: 3 }));
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 1),
        fc.nat(255),
        fc.nat(bytes.length),
        async (at, value, length) => {
          const broken = bytes.slice(0, length);
          if (at < length) broken[at] = value;
          writeFileSync(join(folder, 'c'), broken);
          const listing = await listDicom(folder);
          expect(listing.series.length).toBeGreaterThan(0);
          await readDicomScan(folder).then(
            (scan) => expect(scan.volume.geometry.size[2]).toBeGreaterThan(1),
            (error: Error) => expect(error.name).toBe('ImagingError'),
          );
        },
      ),
      { numRuns: 150 },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
