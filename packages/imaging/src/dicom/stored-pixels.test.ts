import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import codecs from 'dcmjs-codecs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasSharedData, realScan, sharedPath } from '../../../../testing/shared-data.ts';
import { debianPython, hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { createRandom } from '../random/seeded-random.ts';
import { readModalityValues } from './modality-values.ts';
import { readStoredPixels } from './stored-pixels.ts';
import { buildDicom, type Elements, encapsulate } from './testing/build-dicom.ts';
import { ctSlice } from './testing/ct-series.ts';

const folder = mkdtempSync(join(tmpdir(), 'glisson-pixels-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Smooth with noise, all bits in use. */
function picture(rows: number, columns: number, low: number, high: number, seed = 1): Int32Array {
  const random = createRandom(seed, 'picture');
  return Int32Array.from({ length: rows * columns }, (_, i) => {
    const slope = (i % columns) / columns;
    return Math.round(low + (high - low) * Math.min(1, Math.max(0, 0.9 * slope + 0.1 * random.uniform())));
  });
}

function description(bits: number, stored: number, signed: boolean): Elements {
  return {
    '00280100 US': bits,
    '00280101 US': stored,
    '00280102 US': stored - 1,
    '00280103 US': signed ? 1 : 0,
  };
}

describe('uncompressed', () => {
  test('one bit a pixel: frames follow each other without padding', async () => {
    const bits = Array.from({ length: 3 * 15 }, (_, i) => (i * i) % 3 === 1);
    const bytes = new Uint8Array(6);
    for (const [i, bit] of bits.entries()) if (bit) bytes[i >> 3]! |= 1 << (i & 7);
    const { values, frames } = await readStoredPixels(
      buildDicom({
        ...ctSlice({ rows: 3, columns: 5 }),
        ...description(1, 1, false),
        '00280008 IS': '3',
        '7fe00010 OW': bytes,
      }),
    );
    expect([frames, [...values]]).toEqual([3, bits.map(Number)]);
  });

  test('8 and 32 bits, float and double', async () => {
    const read = async (elements: Elements) => [
      ...(
        await readStoredPixels(
          buildDicom({ ...ctSlice({ rows: 1, columns: 3 }), '7fe00010 OW': undefined, ...elements }),
        )
      ).values,
    ];
    const bytes = (array: ArrayBufferView) => new Uint8Array(array.buffer);
    expect(
      await read({ ...description(8, 8, true), '7fe00010 OB': new Uint8Array([255, 127, 128, 0]) }),
    ).toEqual([-1, 127, -128]);
    expect(
      await read({
        ...description(32, 32, false),
        '7fe00010 OW': bytes(new Uint32Array([4294967295, 7, 0])),
      }),
    ).toEqual([4294967295, 7, 0]);
    expect(
      await read({
        ...description(32, 20, true),
        '7fe00010 OW': bytes(new Uint32Array([0xfffff, 0x7ffff, 0xff000001])),
      }),
    ).toEqual([-1, 524287, 1]);
    expect(await read({ '7fe00008 OF': bytes(new Float32Array([0.5, -3, 1e20])) })).toEqual([
      0.5,
      -3,
      Math.fround(1e20),
    ]);
    expect(await read({ '7fe00009 OD': bytes(new Float64Array([0.1, -3, 1e200])) })).toEqual([
      0.1, -3, 1e200,
    ]);
  });

  test('planes of colour become pixels', async () => {
    const { values, samples } = await readStoredPixels(
      buildDicom({
        ...ctSlice({ rows: 1, columns: 2 }),
        ...description(8, 8, false),
        '00280002 US': 3,
        '00280006 US': 1,
        '7fe00010 OW': new Uint8Array([1, 2, 3, 4, 5, 6]),
      }),
    );
    expect([samples, [...values]]).toEqual([3, [1, 3, 5, 2, 4, 6]]);
  });

  test('an image larger than its bytes is damaged, and one of absurd size does not exhaust memory', async () => {
    const absurd = { '00280010 US': 65535, '00280011 US': 65535, '00280008 IS': '999999' };
    await expect(readStoredPixels(buildDicom({ ...ctSlice(), ...absurd }))).rejects.toMatchObject({
      code: 'damaged',
    });
  });
});

describe('compressed', () => {
  beforeAll(() => codecs.NativeCodecs.initializeAsync());
  const [rows, columns] = [37, 50];

  function encode(
    method: 'encodeRle' | 'encodeJpeg' | 'encodeJpegLs' | 'encodeJpeg2000' | 'encodeHtJpeg2000',
    values: Int32Array,
    bits: number,
    stored: number,
    signed: boolean,
    options: object,
  ): Uint8Array {
    const decoded = bits === 8 ? Uint8Array.from(values) : new Uint8Array(Uint16Array.from(values).buffer);
    const context = new codecs.Context({
      width: columns,
      height: rows,
      bitsAllocated: bits,
      bitsStored: stored,
      samplesPerPixel: 1,
      pixelRepresentation: signed ? 1 : 0,
      planarConfiguration: 0,
      photometricInterpretation: 'MONOCHROME2',
      decodedBuffer: decoded,
    });
    const call = codecs.NativeCodecs[method].bind(codecs.NativeCodecs) as (
      c: unknown,
      p: object,
    ) => { getEncodedBuffer(): Uint8Array };
    return call(context, options).getEncodedBuffer();
  }

  const file = (
    uid: string,
    fragments: readonly Uint8Array[],
    elements: Elements,
    offsets: readonly number[] = [],
  ) =>
    buildDicom(
      {
        ...ctSlice({ rows, columns }),
        '7fe00010 OW': undefined,
        '7fe00010 OB/encapsulated': encapsulate(fragments, offsets),
        ...elements,
      },
      { transferSyntax: uid },
    );

  test.each([
    ['RLE', '1.2.840.10008.1.2.5', 'encodeRle', {}],
    ['JPEG lossless, first order', '1.2.840.10008.1.2.4.70', 'encodeJpeg', { lossy: false, predictor: 1 }],
    ['JPEG lossless, predictor 6', '1.2.840.10008.1.2.4.57', 'encodeJpeg', { lossy: false, predictor: 6 }],
    ['JPEG-LS', '1.2.840.10008.1.2.4.80', 'encodeJpegLs', { lossy: false }],
    ['JPEG 2000', '1.2.840.10008.1.2.4.90', 'encodeJpeg2000', { lossy: false }],
    ['HTJ2K', '1.2.840.10008.1.2.4.201', 'encodeHtJpeg2000', { lossy: false }],
    ['HTJ2K RPCL', '1.2.840.10008.1.2.4.202', 'encodeHtJpeg2000', { lossy: false, progressionOrder: 2 }],
  ] as const)(
    '%s gives back every value, of 8, 12 and 16 bits, signed too',
    async (_name, uid, method, options) => {
      for (const [bits, stored, signed] of [
        [8, 8, false],
        [16, 12, false],
        [16, 16, false],
        [16, 16, true],
      ] as const) {
        const values = picture(rows, columns, signed ? -1024 : 0, signed ? 3000 : 2 ** stored - 1);
        const stream = encode(method, values, bits, stored, signed, options);
        const result = await readStoredPixels(file(uid, [stream], description(bits, stored, signed)));
        expect([...result.values], `${bits} ${stored} ${signed}`).toEqual([...values]);
        expect(result.lossless).toBe(true);
        const cut = file(
          uid,
          [stream.subarray(0, Math.floor(stream.length / 2))],
          description(bits, stored, signed),
        );
        await expect(readStoredPixels(cut)).rejects.toMatchObject({ code: 'damaged' });
      }
    },
  );

  test('frames of several fragments are found by the offset table, or by where streams start', async () => {
    const frames = [1, 2, 3].map((seed) => picture(rows, columns, 0, 4000, seed));
    const streams = frames.map((values) => encode('encodeJpegLs', values, 16, 12, false, { lossy: false }));
    const split = streams.map((stream) => [stream.subarray(0, 100), stream.subarray(100)]);
    const sizes = split.map((parts) =>
      parts.reduce((sum, part) => sum + 8 + part.length + (part.length % 2), 0),
    );
    const elements = { ...description(16, 12, false), '00280008 IS': '3' };
    for (const offsets of [[0, sizes[0]!, sizes[0]! + sizes[1]!], []]) {
      const { values } = await readStoredPixels(
        file('1.2.840.10008.1.2.4.80', split.flat(), elements, offsets),
      );
      expect([...values]).toEqual(frames.flatMap((frame) => [...frame]));
    }
    const missing = file('1.2.840.10008.1.2.4.80', split.flat().slice(0, 4), elements);
    await expect(readStoredPixels(missing)).rejects.toMatchObject({ code: 'damaged' });
  });

  test.each([
    ['1.2.840.10008.1.2.4.70', 'encodeJpeg', { lossy: false, predictor: 1 }],
    ['1.2.840.10008.1.2.4.80', 'encodeJpegLs', { lossy: false }],
    ['1.2.840.10008.1.2.4.90', 'encodeJpeg2000', { lossy: false }],
    ['1.2.840.10008.1.2.4.201', 'encodeHtJpeg2000', { lossy: false }],
  ] as const)(
    'a stream of another size than the header says is damage, even of as many pixels (%s)',
    async (uid, method, options) => {
      const stream = encode(method, picture(rows, columns, 0, 4000), 16, 12, false, options);
      for (const size of [
        { '00280010 US': columns, '00280011 US': rows },
        { '00280010 US': rows - 1 },
        { '00280010 US': rows + 1 },
      ]) {
        const wrong = file(uid, [stream], { ...description(16, 12, false), ...size });
        await expect(readStoredPixels(wrong), JSON.stringify(size)).rejects.toMatchObject({
          code: 'damaged',
        });
      }
    },
  );

  test('a codec that is not known is refused by name', async () => {
    const video = file('1.2.840.10008.1.2.4.102', [new Uint8Array(10)], description(8, 8, false));
    await expect(readStoredPixels(video)).rejects.toMatchObject({
      code: 'unsupported',
      message: /1\.2\.4\.102/,
    });
  });

  test.skipIf(!hasSystemTools(['gdcmconv']))(
    needs(['gdcmconv'], 'what GDCM compresses, we read'),
    async () => {
      for (const [stored, signed] of [
        [12, false],
        [16, true],
        [16, false],
      ] as const) {
        const values = picture(rows, columns, signed ? -2000 : 0, signed ? 2000 : 2 ** stored - 1, 9);
        const plain = join(folder, 'plain.dcm');
        const pixels = new Uint8Array(Uint16Array.from(values).buffer);
        writeFileSync(
          plain,
          buildDicom({
            ...ctSlice({ rows, columns }),
            ...description(16, stored, signed),
            '7fe00010 OW': pixels,
            '00020003 UI': undefined,
          }),
        );
        for (const flag of ['--rle', '--jpeg', '--jpegls', '--j2k', '--implicit', '--explicit']) {
          const packed = join(folder, 'packed.dcm');
          const { status, stderr } = spawnSync('gdcmconv', [flag, plain, packed]);
          expect(status, `${flag} ${stderr}`).toBe(0);
          const { values: found, transferSyntaxUid } = await readStoredPixels(packed);
          expect([...found], `${flag} ${transferSyntaxUid} ${stored} ${signed}`).toEqual([...values]);
        }
      }
    },
  );
});

describe('the shared DICOM files', () => {
  const filesUnder = (path: string): string[] =>
    statSync(path).isDirectory()
      ? readdirSync(path)
          .sort()
          .flatMap((name) => filesUnder(join(path, name)))
      : [path];
  const root = sharedPath('data', 'dicom');

  test.skipIf(!hasSharedData)(
    realScan('every file is read, or refused with a reason'),
    async () => {
      const outcomes = new Map<string, number>();
      for (const path of filesUnder(root)) {
        const outcome = await readStoredPixels(readFileSync(path)).then(
          () => 'read',
          (error: Error) => {
            expect(`${relative(root, path)}: ${error.name}`).toMatch(/: ImagingError$/);
            expect(error.message.length).toBeGreaterThan(20);
            return (error as Error & { code: string }).code;
          },
        );
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
      expect(outcomes.get('read')).toBeGreaterThan(190);
      expect(outcomes.get('unsupported')).toBeUndefined();
    },
    60_000,
  );

  test.skipIf(!hasSharedData || !hasSystemTools(['python3-pydicom']))(
    realScan(needs(['python3-pydicom'], 'lossless single-sample images have the values that pydicom gives')),
    async () => {
      const paths = filesUnder(root).filter((path) => !path.endsWith('.zip'));
      // Values travel as hashes; stored values by their own type, modality values as float64.
      const script = `
import sys, json, hashlib, warnings, pydicom
from pydicom.pixel_data_handlers.util import apply_modality_lut
warnings.simplefilter('ignore')
for line in sys.stdin:
    try:
        ds = pydicom.dcmread(line.rstrip('\\n'), force=True)
        stored = ds.pixel_array
        little = stored.astype(stored.dtype.newbyteorder('<'))
        row = {'stored': hashlib.sha1(little.tobytes()).hexdigest()}
        if stored.dtype.kind in 'iu' and ds.get('Modality') == 'CT' and 'RescaleSlope' in ds:
            row['values'] = hashlib.sha1(apply_modality_lut(stored, ds).astype('<f8').tobytes()).hexdigest()
    except Exception as error:
        row = {'error': str(error)}
    print(json.dumps(row))
`;
      const { stdout } = spawnSync(debianPython, ['-c', script], {
        input: paths.join('\n'),
        maxBuffer: 1e8,
        encoding: 'utf8',
      });
      const rows = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(rows.length).toBe(paths.length);
      const { createHash } = await import('node:crypto');
      const hash = (array: ArrayBufferView) =>
        createHash('sha1')
          .update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
          .digest('hex');
      let compared = 0;
      let hounsfield = 0;
      for (const [i, path] of paths.entries()) {
        const pixels = await readStoredPixels(path).catch(() => undefined);
        if (pixels === undefined || pixels.samples > 1 || !pixels.lossless || rows[i].error) continue;
        expect(hash(pixels.values), relative(root, path)).toBe(rows[i].stored);
        compared++;
        if (rows[i].values === undefined) continue;
        expect(hash((await readModalityValues(path)).values), relative(root, path)).toBe(rows[i].values);
        hounsfield++;
      }
      expect(compared).toBeGreaterThan(140);
      expect(hounsfield).toBeGreaterThan(55);
    },
    60_000,
  );
});
