import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { listDicom } from '../list-series.ts';
import { readDicomScan } from '../read-dicom-scan.ts';
import { buildDicom } from '../testing/build-dicom.ts';
import { buildZip, type ZipEntryOptions } from '../testing/build-zip.ts';
import { ctSlice } from '../testing/ct-series.ts';
import { openSource } from './open-source.ts';

const folder = mkdtempSync(join(tmpdir(), 'glisson-zip-'));
afterAll(() => rmSync(folder, { recursive: true }));
let count = 0;
const zip = (entries: readonly ZipEntryOptions[]): string => {
  const path = join(folder, `${count++}.zip`);
  writeFileSync(path, buildZip(entries));
  return path;
};
const slice = (number: number) => buildDicom(ctSlice({ number }));

describe('archives', () => {
  test('stored and deflated entries are read in place', async () => {
    const path = zip([
      { name: 'study/' },
      { name: 'study/image_2', content: slice(2), deflate: true },
      { name: 'study/image_1', content: slice(1) },
      { name: 'readme.txt', content: Buffer.from('text') },
      { name: '__MACOSX/study/._image_1', content: Buffer.from('x') },
    ]);
    const scan = await readDicomScan(path);
    expect([...scan.volume.voxels.filter((_, i) => i % 20 === 0)]).toEqual([100, 200]);
    expect(scan.slices.map((s) => s.file)).toEqual(['study/image_1', 'study/image_2']);
    expect((await listDicom(path)).unread).toMatchObject([{ file: 'readme.txt', reason: 'not DICOM' }]);
  });

  test('backslashes, as some tools of Windows write them, part folders like slashes', async () => {
    const path = zip([
      { name: 'study\\' },
      { name: 'study\\image_2', content: slice(2), deflate: true },
      { name: 'study\\image_1', content: slice(1) },
      { name: '__MACOSX\\study\\._image_1', content: Buffer.from('x') },
    ]);
    expect((await readDicomScan(path)).slices.map((s) => s.file)).toEqual(['study/image_1', 'study/image_2']);
    expect((await listDicom(path)).unread).toEqual([]);
  });

  test('the zips of 3D-IRCADb are entered one level; its masks are set aside', async () => {
    const inner = (n: number) => buildZip([1, 2].map((k) => ({ name: `image_${k}`, content: slice(n + k) })));
    const path = zip([
      { name: 'p1/PATIENT_DICOM.zip', content: inner(0) },
      { name: 'p1/MASKS_DICOM.zip', content: inner(10), deflate: true },
      { name: 'p1/LABELLED_DICOM/image_1', content: slice(20) },
    ]);
    const scan = await readDicomScan(path);
    expect(scan.slices.map((s) => s.file)).toEqual([
      'p1/PATIENT_DICOM.zip/image_1',
      'p1/PATIENT_DICOM.zip/image_2',
    ]);
    expect(
      (await listDicom(path)).unread.map(({ file, reason }) => [file, reason.includes('3D-IRCADb')]),
    ).toEqual([
      ['p1/LABELLED_DICOM/image_1', true],
      ['p1/MASKS_DICOM.zip', true],
    ]);
    const deep = zip([{ name: 'a.zip', content: buildZip([{ name: 'b.zip', content: inner(0) }]) }]);
    expect((await listDicom(deep)).unread).toMatchObject([{ file: 'a.zip/b.zip' }]);
  });

  test.each([
    ['../evil', /leads out/],
    ['a/../../evil', /leads out/],
    ['/etc/passwd', /absolute/],
    ['C:/evil', /drive letter/],
    ['a\\..\\evil', /leads out/],
    ['..\\evil', /leads out/],
    ['\\evil', /absolute/],
    ['\\\\server\\share\\evil', /absolute/],
    ['C:\\evil', /drive letter/],
  ])('an entry named %s is refused, with all the archive', async (name, reason) => {
    const path = zip([
      { name: 'ok', content: slice(1) },
      { name, content: slice(2) },
    ]);
    await expect(listDicom(path)).rejects.toMatchObject({ code: 'unsafe-archive', message: reason });
    const nested = zip([{ name: 'in.zip', content: buildZip([{ name, content: slice(2) }]) }]);
    await expect(listDicom(nested)).rejects.toMatchObject({ code: 'unsafe-archive', message: reason });
  });

  test('bombs are refused by what they declare, and cannot inflate to more', async () => {
    const packed = new Uint8Array(1000);
    const gigabyte = 2 ** 30;
    await expect(
      openSource(
        zip([
          {
            name: 'a',
            content: packed,
            declaredSize: 5 * gigabyte > 2 ** 32 - 1 ? 2 ** 32 - 2 : 0,
            deflate: true,
          },
        ]),
      ),
    ).rejects.toMatchObject({ code: 'unsafe-archive' });
    await expect(
      openSource(zip([{ name: 'a', content: packed, declaredSize: gigabyte, deflate: true }])),
    ).rejects.toMatchObject({ code: 'unsafe-archive', message: /: 1/ });
    const many = Array.from({ length: 30 }, (_, i) => ({
      name: `${i}`,
      content: packed,
      declaredSize: 6e7,
      deflate: true,
    }));
    await expect(openSource(zip(many))).rejects.toMatchObject({ code: 'unsafe-archive' });
    // Shared between the levels.
    const half = buildZip(many.slice(0, 15));
    await expect(
      openSource(
        zip([
          { name: 'a.zip', content: half },
          { name: 'b.zip', content: half },
        ]),
      ),
    ).rejects.toMatchObject({ code: 'unsafe-archive' });
    const lying = zip([
      {
        name: 'a',
        content: Buffer.concat([slice(1), new Uint8Array(100_000)]),
        declaredSize: 700,
        deflate: true,
      },
    ]);
    const [unread] = (await listDicom(lying)).unread;
    expect(unread!.reason).toMatch(/damaged/);
  });

  test('an empty mask slice that shrinks to a thousandth is no bomb', async () => {
    const path = zip(
      [1, 2].map((k) => ({
        name: `${k}`,
        content: buildDicom(
          ctSlice({
            number: k,
            rows: 512,
            columns: 512,
            pixels: [],
            elements: { '7fe00010 OW': new Uint8Array(2 ** 19) },
          }),
        ),
        deflate: true,
      })),
    );
    expect((await readDicomScan(path)).volume.geometry.size).toEqual([512, 512, 2]);
  });

  test('encrypted, damaged and cut off archives say so', async () => {
    const path = zip([
      { name: '1', content: slice(1) },
      { name: '2', content: slice(2) },
      { name: '3', content: slice(3), encrypted: true },
    ]);
    expect((await listDicom(path)).unread).toMatchObject([{ file: '3', reason: /encrypted/ }]);
    expect((await readDicomScan(path)).findings).toMatchObject([
      { code: 'unreadable-file', message: /encrypted/ },
    ]);
    // Small files are read whole with their header: the damage shows there. Large ones show it with their pixels.
    const wrong = zip(
      [1, 2, 3].map((k) => ({ name: `${k}`, content: slice(k), crc: k === 3 ? 5 : undefined })),
    );
    expect((await readDicomScan(wrong)).findings).toMatchObject([
      { code: 'unreadable-file', message: /checksum/ },
    ]);
    const large = (number: number) => buildDicom(ctSlice({ number, rows: 128, columns: 128 }));
    const broken = zip(
      [1, 2].map((k) => ({ name: `${k}`, content: large(k), crc: k === 2 ? 5 : undefined })),
    );
    await expect(readDicomScan(broken)).rejects.toMatchObject({ code: 'damaged', message: /checksum/ });
    const cut = join(folder, 'cut.zip');
    writeFileSync(cut, buildZip([{ name: '1', content: slice(1) }]).subarray(0, 400));
    await expect(listDicom(cut)).rejects.toMatchObject({ code: 'damaged' });
  });
});
