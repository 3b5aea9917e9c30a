import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { indexToWorld } from '../geometry/geometry.ts';
import type { Scan } from '../volume/scan.ts';
import { listDicom } from './list-series.ts';
import { readDicomScan } from './read-dicom-scan.ts';
import { toSourceSlices } from './straighten.ts';
import { buildDicom, type Elements } from './testing/build-dicom.ts';
import { ctSlice, folderOf, type SliceOptions, seriesFolder } from './testing/ct-series.ts';

const made: string[] = [];
const keep = (folder: string): string => {
  made.push(folder);
  return folder;
};
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

const read = (slices: readonly SliceOptions[], more: Record<string, Elements | string> = {}) =>
  readDicomScan(keep(seriesFolder(slices, more)));
const codes = (scan: Scan) => scan.findings.map((finding) => finding.code);
const at = (z: number): SliceOptions => ({ position: [-10, -20, z] });
const three = [at(0), at(5), at(10)];

describe('a plain series', () => {
  test('lies where its positions say, x along rows, first value of Pixel Spacing between rows', async () => {
    const scan = await read([{ ...at(30) }, { ...at(25) }, { ...at(20) }]);
    expect(scan.volume.geometry).toEqual({
      size: [5, 4, 3],
      spacing: [0.7, 0.8, 5],
      origin: [-10, -20, 20],
      direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
    });
    // The third file lies lowest: its values (300 …) come first.
    expect([...scan.volume.voxels.slice(0, 6)]).toEqual([300, 301, 302, 303, 304, 305]);
    expect(scan.volume.voxels).toBeInstanceOf(Int16Array);
    expect(scan.slices.map((slice) => slice.sopInstanceUid)).toEqual(['1.2.3.1.3', '1.2.3.1.2', '1.2.3.1.1']);
    expect(scan.isHounsfield).toBe(true);
    expect(scan.findings).toEqual([]);
  });

  test('slice thickness and instance numbers play no part; a contradicting spacing tag is told', async () => {
    const scan = await read(
      three.map((slice, i) => ({
        ...slice,
        elements: { '00180050 DS': '2', '00180088 DS': '1', '00200013 IS': String(9 - i) },
      })),
    );
    expect(scan.volume.geometry.spacing[2]).toBe(5);
    expect([...scan.volume.voxels.filter((_, i) => i % 20 === 0)]).toEqual([100, 200, 300]);
    expect(codes(scan)).toEqual(['spacing-contradiction']);
  });

  test('any order of the files and any oblique direction give the same volume, at the true place', async () => {
    const angle = fc.double({ min: -3, max: 3, noNaN: true });
    await fc.assert(
      fc.asyncProperty(
        angle,
        angle,
        angle,
        fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
        async (a, b, c, order) => {
          const row = [Math.cos(a) * Math.cos(b), Math.sin(a) * Math.cos(b), Math.sin(b)];
          const up = [-Math.sin(a), Math.cos(a), 0];
          const side = [
            row[1]! * up[2]! - row[2]! * up[1]!,
            row[2]! * up[0]! - row[0]! * up[2]!,
            row[0]! * up[1]! - row[1]! * up[0]!,
          ];
          const column = up.map((v, i) => Math.cos(c) * v + Math.sin(c) * side[i]!);
          const normal = [
            row[1]! * column[2]! - row[2]! * column[1]!,
            row[2]! * column[0]! - row[0]! * column[2]!,
            row[0]! * column[1]! - row[1]! * column[0]!,
          ];
          const slices = order.map((k) => ({
            number: k + 1,
            orientation: [...row, ...column].map((v) => v.toFixed(8)).map(Number),
            position: normal.map((v, i) => Number((i * 10 + 2.5 * k * v).toFixed(6))),
          }));
          const folder = seriesFolder(slices);
          try {
            const { volume } = await readDicomScan(folder);
            expect([...volume.voxels.filter((_, i) => i % 20 === 0)]).toEqual([100, 200, 300, 400, 500]);
            const world = indexToWorld(volume.geometry, [2, 3, 4]);
            for (let i = 0; i < 3; i++) {
              const truth = i * 10 + 10 * normal[i]! + 2 * 0.7 * row[i]! + 3 * 0.8 * column[i]!;
              expect(world[i]).toBeCloseTo(truth, 4);
            }
          } finally {
            rmSync(folder, { recursive: true });
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  test.each([
    ['implicit little endian', { transferSyntax: '1.2.840.10008.1.2' }],
    ['no preamble', { preamble: false }],
    ['no preamble and no meta header', { preamble: false, meta: false }],
    [
      'implicit, no preamble and no meta header',
      { preamble: false, meta: false, transferSyntax: '1.2.840.10008.1.2' },
    ],
  ])('is read from files of %s', async (_name, o) => {
    const scan = await readDicomScan(
      keep(folderOf({ a: ctSlice({ number: 1 }), b: ctSlice({ number: 2 }) }, o)),
    );
    expect([...scan.volume.voxels.slice(18, 22)]).toEqual([118, 119, 200, 201]);
  });

  test('is read from big endian, deflated and gzipped files', async () => {
    const swap = (number: number) => {
      const elements = ctSlice({ number });
      const pixels = Buffer.from(elements['7fe00010 OW'] as Uint8Array).swap16();
      return buildDicom({ ...elements, '7fe00010 OW': pixels }, { transferSyntax: '1.2.840.10008.1.2.2' });
    };
    const deflated = (number: number) => {
      const meta = buildDicom({}, { transferSyntax: '1.2.840.10008.1.2.1.99' });
      const body = buildDicom(ctSlice({ number }), { preamble: false, meta: false });
      return new Uint8Array(Buffer.concat([meta, deflateRawSync(body)]));
    };
    const scan = await readDicomScan(
      keep(
        folderOf({
          big: swap(1),
          deflated: deflated(2),
          'packed.dcm.gz': gzipSync(buildDicom(ctSlice({ number: 3 }))),
        }),
      ),
    );
    expect([...scan.volume.voxels.filter((_, i) => i % 20 === 7)]).toEqual([107, 207, 307]);
  });

  test('folders in folders, loops of links, hidden and foreign files do not disturb', async () => {
    const folder = keep(
      folderOf({
        'a/b/1': ctSlice({ number: 1 }),
        'c/2.ima': ctSlice({ number: 2 }),
        'notes.txt': 'hello',
        empty: '',
        '.hidden': ctSlice({ number: 3 }),
      }),
    );
    symlinkSync(folder, join(folder, 'a', 'loop'));
    symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling'));
    expect((await readDicomScan(folder)).volume.geometry.size[2]).toBe(2);
    expect((await listDicom(folder)).unread.map(({ file, reason }) => `${file}: ${reason}`)).toEqual([
      'dangling: a link to something that is not there',
      'empty: empty file',
      'notes.txt: not DICOM',
    ]);
  });
});

describe('values', () => {
  test('each slice has its own rescale; whole numbers stay Int16, fractions make Float32', async () => {
    const whole = await read([
      { slope: 1, intercept: -1000 },
      { slope: 2, intercept: 24 },
    ]);
    expect([whole.volume.voxels[0], whole.volume.voxels[20]]).toEqual([-900, 424]);
    expect(codes(whole)).toContain('rescale-varies');
    const fractional = await read([{ slope: 0.5 }, { slope: 1 }]);
    expect(fractional.volume.voxels).toBeInstanceOf(Float32Array);
    expect(fractional.volume.voxels[1]).toBe(50.5);
  });

  test('a value beyond Int16 in the last slice makes the volume Float32, with nothing lost before it', async () => {
    const scan = await read([{}, {}, { pixels: [30000, -32768, 5], intercept: 10000 }]);
    expect(scan.volume.voxels).toBeInstanceOf(Float32Array);
    expect([...scan.volume.voxels.slice(0, 2), ...scan.volume.voxels.slice(40, 43)]).toEqual([
      100, 101, 40000, -22768, 10005,
    ]);
  });

  test('bits outside of Bits Stored are masked and the sign is extended', async () => {
    const bits = { '00280101 US': 12, '00280102 US': 11 };
    const signed = await read(
      [0, 1].map(() => ({ pixels: [0x0fff, 0xf7ff - 65536, 0x7800], elements: bits })),
    );
    expect([...signed.volume.voxels.slice(0, 3)]).toEqual([-1, 2047, -2048]);
    const unsigned = await read(
      [0, 1].map(() => ({
        pixels: [0x0fff, 0xf7ff - 65536, 0x7800],
        intercept: -1024,
        elements: { ...bits, '00280103 US': 0 },
      })),
    );
    expect([...unsigned.volume.voxels.slice(0, 3)]).toEqual([3071, 1023, 1024]);
    const shifted = await read(
      [0, 1].map(() => ({ pixels: [0x7ff5, 0x0015], elements: { '00280101 US': 12, '00280102 US': 15 } })),
    );
    expect([...shifted.volume.voxels.slice(0, 2)]).toEqual([2047, 1]);
  });

  test('padding becomes air; a lower value is kept and told', async () => {
    const scan = await read(
      [0, 1].map(() => ({ pixels: [-2000, -1500, 40], elements: { '00280120 SS': -2000 } })),
    );
    expect([...scan.volume.voxels.slice(0, 3)]).toEqual([-1024, -1500, 40]);
    expect(codes(scan)).toEqual(['padding', 'values-below-air']);
    const range = await read(
      [0, 1].map(() => ({
        pixels: [-2000, -1500, 40],
        elements: { '00280120 SS': -2000, '00280121 SS': -1200 },
      })),
    );
    expect([...range.volume.voxels.slice(0, 3)]).toEqual([-1024, -1024, 40]);
    // Unsigned words of 12 bits padded with a word beyond them.
    const beyond = await read(
      [0, 1].map(() => ({
        pixels: [63536 - 65536, 2096, 40],
        intercept: -1024,
        elements: { '00280120 US': 63536, '00280101 US': 12, '00280102 US': 11, '00280103 US': 0 },
      })),
    );
    expect([...beyond.volume.voxels.slice(0, 3)]).toEqual([-1024, 1072, -984]);
  });

  test('a padding value that is a tissue value punches no holes', async () => {
    const scan = await read([0, 1].map(() => ({ pixels: [0, 50], elements: { '00280120 SS': 0 } })));
    expect([...scan.volume.voxels.slice(0, 2)]).toEqual([0, 50]);
    expect(codes(scan)).toEqual(['padding-in-tissue']);
  });

  test('Modality LUT, MONOCHROME1, other modalities, missing or foreign rescale', async () => {
    const lut = {
      '00283000 SQ': [{ '00283002 US': [3, 0xfffe, 16], '00283006 US': [500, 600, 700] }],
      '00281052 DS': undefined,
      '00281053 DS': undefined,
    };
    const looked = await read([0, 1].map(() => ({ pixels: [-5, -2, -1, 0, 9], elements: lut })));
    expect([...looked.volume.voxels.slice(0, 5)]).toEqual([500, 500, 600, 700, 700]);
    const inverted = await read(
      [0, 1].map(() => ({ pixels: [7], elements: { '00280004 CS': 'MONOCHROME1' } })),
    );
    expect(inverted.volume.voxels[0]).toBe(7);
    expect(codes(inverted)).toEqual(['monochrome1']);
    const none = await read([0, 1].map(() => ({ elements: { '00281053 DS': undefined } })));
    expect([none.isHounsfield, codes(none)]).toEqual([false, ['not-hounsfield']]);
    const foreign = await read([0, 1].map(() => ({ elements: { '00281054 LO': 'Z_EFF' } })));
    expect(foreign.isHounsfield).toBe(false);
    const mr = await read([0, 1].map(() => ({ elements: { '00080060 CS': 'MR' } })));
    expect([mr.isHounsfield, codes(mr)]).toEqual([false, ['not-ct']]);
  });
});

describe('what is no plain stack', () => {
  const refusal = async (slices: readonly SliceOptions[], more?: Record<string, Elements | string>) => {
    const error = await read(slices, more).then(
      () => undefined,
      (thrown) => thrown,
    );
    expect(error?.name).toBe('ImagingError');
    return `${error.code}: ${error.message}`;
  };

  test('one missing slice is interpolated, told, and has no source', async () => {
    const scan = await read([at(0), at(5), at(15), at(20), at(25)]);
    expect(scan.volume.geometry.size).toEqual([5, 4, 6]);
    expect([...scan.volume.voxels.filter((_, i) => i % 20 === 0)]).toEqual([100, 200, 250, 300, 400, 500]);
    expect(scan.slices[2]).toEqual({});
    expect(codes(scan)).toEqual(['missing-slices']);
  });

  test('many missing or uneven slices are refused', async () => {
    expect(await refusal([at(0), at(5), at(10), at(40), at(45), at(50)])).toMatch(
      /Too many slices are missing/,
    );
    expect(await refusal([at(0), at(5), at(10), at(12), at(17)])).toMatch(/not evenly spaced/);
    expect(await refusal([at(0), at(0.1), at(0.2), at(1e12)])).toMatch(/Too many|not evenly/);
  });

  test('cosines that differ by rounding give one volume, whichever file comes first', async () => {
    const noise = [0, 1e-5, -2e-5];
    const slices = noise.map((e, k) => ({ number: k + 1, ...at(5 * k), orientation: [1, e, 0, -e, 1, 0] }));
    const [a, b] = [await read(slices), await read([...slices].reverse())];
    expect(a.volume.geometry).toEqual(b.volume.geometry);
    expect(a.volume.voxels).toEqual(b.volume.voxels);
  });

  test('images of one position, a rescale slope of 0, a slice of another size', async () => {
    expect(await refusal([at(5), at(5), at(5)])).toMatch(/All images lie at one and the same position/);
    const slope = await read(three, { zero: ctSlice({ number: 9, position: [-10, -20, 15], slope: 0 }) });
    expect(slope.findings).toMatchObject([{ code: 'unreadable-file', message: /Rescale Slope is 0/ }]);
    const other = await read([at(0), at(5), at(10), at(15), at(20), { ...at(25), rows: 2 }, at(30)]);
    expect(other.findings).toMatchObject([
      { code: 'other-series', severity: 'warning' },
      { code: 'missing-slices', severity: 'warning' },
    ]);
  });

  test('small unevenness is told, tiny is not', async () => {
    expect(codes(await read([at(0), at(5.004), at(10), at(15)]))).toEqual([]);
    expect(codes(await read([at(0), at(5.3), at(10), at(15)]))).toEqual(['uneven-slices']);
  });

  test('equal duplicates are dropped, different ones refused', async () => {
    const scan = await read(
      [at(0), { ...at(5), pixels: [1] }, { ...at(5), pixels: [1] }, at(10)].map((s) => ({
        pixels: [1],
        ...s,
        number: 1,
      })),
    );
    expect(scan.volume.geometry.size[2]).toBe(3);
    expect(codes(scan)).toEqual(['duplicate-slices', 'duplicates-dropped']);
    expect(await refusal([at(0), { ...at(5), pixels: [1] }, { ...at(5), pixels: [2] }, at(10)])).toMatch(
      /Two different slices lie at the same place/,
    );
  });

  test('a slice beside another one at its height is no duplicate of it, though its pixels are equal', async () => {
    const beside = (mm: number) =>
      [at(0), at(5), { position: [-10 + mm, -20, 5] }, at(10)].map((s) => ({ ...s, pixels: [1], number: 1 }));
    expect(await refusal(beside(40))).toMatch(/beside each other in one plane.*40 mm apart/);
    expect(codes(await read(beside(0.01)))).toEqual(['duplicate-slices', 'duplicates-dropped']);
  });

  test('single slices and missing or broken geometry are refused by name', async () => {
    expect(await refusal([at(0)])).toMatch(/geometry-invalid: A single slice is no volume/);
    const without = (tag: string, value?: string) =>
      refusal(three.map((s) => ({ ...s, elements: { [tag]: value } })));
    expect(await without('00200032 DS')).toMatch(/Image Position .* 3 of 3/);
    expect(await without('00200037 DS')).toMatch(/Image Orientation/);
    expect(await without('00280030 DS')).toMatch(/Pixel Spacing/);
    expect(await without('00280030 DS', '0\\0.7')).toMatch(/Pixel Spacing/);
    expect(await without('00280030 DS', 'x\\0.7')).toMatch(/Pixel Spacing/);
    expect(await without('00200032 DS', '1\\2')).toMatch(/Image Position/);
    expect(await without('00200037 DS', '1\\0\\0\\0.5\\1\\0')).toMatch(/right angles/);
    expect(await without('00280030 DS', '0.8\\0.7\\1')).toMatch(/Pixel Spacing/);
  });

  test('localisers and small stacks stand back; likely rivals are asked about and can be chosen', async () => {
    const scout: Elements = ctSlice({
      orientation: [0, 1, 0, 0, 0, -1],
      series: '1',
      number: 77,
      elements: { '00080008 CS': 'ORIGINAL\\PRIMARY\\LOCALIZER' },
    });
    const scan = await read(three, { scout });
    expect([scan.volume.geometry.size[2], codes(scan)]).toEqual([3, ['other-series']]);
    const rival = [1, 2, 3].map((n) => ctSlice({ series: '2', number: n, pixels: [7] }));
    const folder = keep(seriesFolder(three, { r1: rival[0]!, r2: rival[1]!, r3: rival[2]! }));
    await expect(readDicomScan(folder)).rejects.toMatchObject({
      code: 'value-invalid',
      message: /1\.2\.3\.1 .*1\.2\.3\.2/,
    });
    const chosen = await readDicomScan(folder, { seriesInstanceUid: '1.2.3.2' });
    expect(chosen.volume.voxels[0]).toBe(7);
    await expect(readDicomScan(folder, { seriesInstanceUid: '9' })).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  test('two acquisitions under one series number become two stacks, also when they interleave', async () => {
    const phase = (n: number, shift: number) =>
      [0, 5, 10].map((z) => ({ ...at(z + shift), pixels: [n], elements: { '00200012 IS': String(n) } }));
    for (const shift of [0, 2, 100]) {
      const folder = keep(seriesFolder([...phase(1, 0), ...phase(2, shift)]));
      const [series] = (await listDicom(folder)).series;
      expect(series!.stacks.map((stack) => [stack.selector, stack.images, stack.difference])).toEqual([
        ['1.2.3.1#1', 3, 'acquisition 1'],
        ['1.2.3.1#2', 3, 'acquisition 2'],
      ]);
      await expect(readDicomScan(folder)).rejects.toMatchObject({ code: 'value-invalid' });
      await expect(readDicomScan(folder, { seriesInstanceUid: '1.2.3.1' })).rejects.toMatchObject({
        code: 'value-invalid',
      });
      const second = await readDicomScan(folder, { seriesInstanceUid: '1.2.3.1#2' });
      expect(second.volume.voxels[0]).toBe(2);
    }
    // Scanners that count each slice as an acquisition make one stack all the same.
    const counted = await read(three.map((s, i) => ({ ...s, elements: { '00200012 IS': String(i) } })));
    expect(counted.volume.geometry.size[2]).toBe(3);
  });

  test('mixed sizes make separate stacks', async () => {
    const small = [1, 2].map((n) => ctSlice({ number: 10 + n, rows: 2, columns: 2 }));
    const folder = keep(seriesFolder(three, { s1: small[0]!, s2: small[1]! }));
    const listing = await listDicom(folder);
    expect(listing.series[0]!.stacks.map((stack) => [stack.size, stack.images])).toEqual([
      [[5, 4], 3],
      [[2, 2], 2],
    ]);
    expect(listing.series[0]!.findings.map((f) => f.code)).toEqual(['several-stacks']);
  });

  test('colour, pixel-less and cut off files', async () => {
    const folder = keep(seriesFolder(three));
    const whole = buildDicom(ctSlice({ number: 4, position: [-10, -20, 15] }));
    writeFileSync(join(folder, 'cut'), whole.subarray(0, whole.length - 6));
    await expect(readDicomScan(folder)).rejects.toMatchObject({
      code: 'damaged',
      message: /cut off.*cut.*34 bytes/,
    });
    const stack = (await listDicom(folder)).series[0]!.stacks[0]!;
    expect(stack.findings).toMatchObject([{ severity: 'error', code: 'pixels' }]);
    // Alone it is cut off before it is a single slice.
    await expect(readDicomScan(join(folder, 'cut'))).rejects.toMatchObject({ code: 'damaged' });
    // Cut in the header: the file is left out and the reader says so.
    writeFileSync(join(folder, 'cut'), whole.subarray(0, 300));
    const scan = await readDicomScan(folder);
    expect([scan.volume.geometry.size[2], codes(scan)]).toEqual([3, ['unreadable-file']]);
    // Cut between two elements: nothing is broken but the pixels are not there.
    const { '7fe00010 OW': _, ...header } = ctSlice({ number: 4 });
    writeFileSync(join(folder, 'cut'), buildDicom(header));
    expect(codes(await readDicomScan(folder))).toEqual(['images-without-pixels']);
  });

  test('nothing to read', async () => {
    const empty = keep(folderOf({}));
    await expect(readDicomScan(empty)).rejects.toMatchObject({ code: 'not-an-image' });
    await expect(readDicomScan(join(empty, 'x'))).rejects.toMatchObject({ code: 'not-found' });
    await expect(readDicomScan(keep(folderOf({ 'a.txt': 'text' })))).rejects.toMatchObject({
      code: 'not-an-image',
    });
    const report = { '00080016 UI': '1.2.840.10008.5.1.4.1.1.88.11', '00080060 CS': 'SR' };
    await expect(readDicomScan(keep(folderOf({ report })))).rejects.toThrow(/Structured report/);
  });

  test('stops when asked to', async () => {
    const folder = keep(seriesFolder(three));
    await expect(readDicomScan(folder, {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });
});

describe('gantry tilt', () => {
  // Rows lie level, columns are tilted; the table moves along z, not along the normal.
  const tilt = (degrees: number) => {
    const t = (degrees * Math.PI) / 180;
    return { orientation: [1, 0, 0, 0, Math.cos(t), -Math.sin(t)], t };
  };
  const size = { rows: 20, columns: 6 };

  test('slices are moved onto a straight grid where a point in the patient keeps its value', async () => {
    const { orientation, t } = tilt(20);
    const field = (x: number, y: number, z: number) => 10 * x + 20 * y - 15 * z;
    const slices = [0, 1, 2, 3, 4].map((k) => {
      const position = [-3, 7, 4 * k];
      const pixels = Array.from({ length: 120 }, (_, p) => {
        const [i, j] = [p % 6, Math.floor(p / 6)];
        return Math.round(field(-3 + 0.7 * i, 7 + 0.8 * j * Math.cos(t), 4 * k - 0.8 * j * Math.sin(t)));
      });
      return { ...size, orientation, position, pixels };
    });
    const scan = await read(slices);
    expect(codes(scan)).toEqual(['gantry-tilt']);
    const { geometry, voxels } = scan.volume;
    expect(geometry.spacing[2]).toBeCloseTo(4 * Math.cos(t), 6);
    let compared = 0;
    for (let k = 0; k < 5; k++) {
      for (let j = 0; j < geometry.size[1]; j++) {
        for (let i = 0; i < geometry.size[0]; i++) {
          const value = voxels[(k * geometry.size[1] + j) * geometry.size[0] + i]!;
          if (value < -700) continue;
          const [shiftX, shiftY] = scan.straightening!.shiftPx[k]!;
          const y = j - scan.straightening!.pad[1] - shiftY;
          if (y < 0 || y > 19) continue;
          expect(shiftX).toBeCloseTo(0, 9);
          expect(
            Math.abs(value - field(...(indexToWorld(geometry, [i, j, k]) as [number, number, number]))),
          ).toBeLessThan(1.1);
          compared++;
        }
      }
    }
    expect(compared).toBeGreaterThan(500);
    // Outside of the slices is air.
    expect(Math.min(...voxels)).toBe(-1024);
  });

  test('labels go back onto the source slices', async () => {
    const { orientation } = tilt(-25);
    const pixels = (k: number) =>
      Array.from({ length: 120 }, (_, p) => (p % 17 === k || p === 0 || p === 119 ? 1000 : 0));
    const scan = await read(
      [0, 1, 2].map((k) => ({ ...size, orientation, position: [0, 0, 3 * k], pixels: pixels(k) })),
    );
    const { geometry } = scan.volume;
    const labels = new Uint8Array(scan.volume.voxels.length);
    for (let k = 0; k < 3; k++) {
      const [sx, sy] = scan.straightening!.shiftPx[k]!;
      const [px, py] = scan.straightening!.pad;
      pixels(k).forEach((value, p) => {
        const x = Math.round((p % 6) + px + sx);
        const y = Math.round(Math.floor(p / 6) + py + sy);
        labels[(k * geometry.size[1] + y) * geometry.size[0] + x] = value > 0 ? 1 : 0;
      });
    }
    for (let k = 0; k < 3; k++) {
      expect([...toSourceSlices(labels, scan, k)]).toEqual(pixels(k).map((value) => (value > 0 ? 1 : 0)));
    }
    expect((await listDicom(scan.path)).series[0]!.stacks[0]!.geometry).toEqual(geometry);
  });

  test('shear counts by the positions, not by the tag', async () => {
    const tagged = await read(three.map((s) => ({ ...s, elements: { '00181120 DS': '12' } })));
    expect(tagged.straightening).toBeUndefined();
    expect(codes(tagged)).toEqual(['tilt-tag-without-shear']);
    const sheared = await read([0, 1, 2].map((k) => ({ position: [k, 0, 5 * k] })));
    expect(sheared.straightening!.shiftPx[2]![0]).toBeCloseTo(2 / 0.7, 6);
    expect(codes(sheared)).toEqual(['gantry-tilt']);
    const apart = keep(seriesFolder([0, 1, 2].map((k) => ({ position: [900 * k, 0, 5 * k] }))));
    await expect(readDicomScan(apart)).rejects.toMatchObject({
      code: 'geometry-invalid',
      message: /too far apart/,
    });
    expect((await listDicom(apart)).series[0]!.stacks[0]!.refusal).toMatch(/too far apart/);
  });
});

describe('enhanced multi-frame CT', () => {
  const enhanced = (order: readonly number[], undefinedLengths: boolean, top: Elements = {}): Uint8Array => {
    const pixels = new Int16Array(20 * order.length);
    for (const [frame, k] of order.entries()) pixels.fill(k, frame * 20, frame * 20 + 20);
    return buildDicom(
      {
        ...ctSlice(),
        '00080016 UI': '1.2.840.10008.5.1.4.1.1.2.1',
        '00200032 DS': undefined,
        '00200037 DS': undefined,
        '00280030 DS': undefined,
        '00281052 DS': undefined,
        '00281053 DS': undefined,
        '00280008 IS': String(order.length),
        '52009229 SQ': [
          {
            '00289110 SQ': [{ '00280030 DS': '0.8\\0.7', '00180050 DS': '9' }],
            '00209116 SQ': [{ '00200037 DS': '1\\0\\0\\0\\1\\0' }],
          },
        ],
        '52009230 SQ': order.map((k) => ({
          '00209113 SQ': [{ '00200032 DS': [1, 2, 3 * k] }],
          '00289145 SQ': [{ '00281052 DS': String(100 * k), '00281053 DS': '2', '00281054 LO': 'HU' }],
        })),
        '7fe00010 OW': new Uint8Array(pixels.buffer),
        ...top,
      },
      { undefinedLengths },
    );
  };

  test.each([[false], [true]])(
    'frames are sorted and rescaled each (undefined lengths: %s)',
    async (undefinedLengths) => {
      const scan = await readDicomScan(keep(folderOf({ e: enhanced([2, 0, 3, 1], undefinedLengths) })));
      expect(scan.volume.geometry).toMatchObject({
        size: [5, 4, 4],
        spacing: [0.7, 0.8, 3],
        origin: [1, 2, 0],
      });
      expect([...scan.volume.voxels.filter((_, i) => i % 20 === 0)]).toEqual([0, 102, 204, 306]);
      expect(scan.slices.map((slice) => slice.frame)).toEqual([1, 3, 0, 2]);
      expect(scan.isHounsfield).toBe(true);
    },
  );

  test('fewer pixel data than frames is damage, not a shorter volume', async () => {
    const folder = keep(folderOf({ e: enhanced([2, 0, 3, 1], false, { '00280008 IS': '5' }) }));
    await expect(readDicomScan(folder)).rejects.toMatchObject({ code: 'damaged', message: /cut off/ });
  });
});
