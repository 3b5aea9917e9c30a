import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityDirection } from '@glisson/imaging/geometry/geometry';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { createVolume } from '@glisson/imaging/volume/volume';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cacheFolder } from './cache-folder.ts';
import { prepareCase, preparedKey } from './prepared-cache.ts';
import type { PreparedCase } from './prepared-case.ts';

let folder: string;
let reads: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glisson-cache-'));
  reads = 0;
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const plan = { windowHU: [-160, 240] as [number, number], spacingMm: [2, 2] as [number, number] };
const geometry = {
  size: [6, 5, 4],
  spacing: [1, 1, 3],
  origin: [1, 2, 3],
  direction: identityDirection,
} as const;
const toPrepare = {
  id: 'case',
  patient: 'patient',
  hash: 'abc',
  read: async () => {
    reads++;
    const volume = createVolume(
      geometry,
      Int16Array.from({ length: 120 }, (_, i) => i * 3 - 200),
    );
    return {
      volume,
      labelmap: createLabelmap(
        geometry,
        Uint8Array.from({ length: 120 }, (_, i) => i % 3),
        liverLabels,
      ),
    };
  },
};

function contents(prepared: PreparedCase) {
  const slices = Array.from({ length: prepared.geometry.size[2] }, (_, k) => [
    [...prepared.image(k)],
    [...prepared.labels(k)],
  ]);
  return { geometry: prepared.geometry, slices };
}

async function onlyFile(): Promise<string> {
  const files = await readdir(folder);
  expect(files).toHaveLength(1);
  return join(folder, files[0]!);
}

describe('prepareCase', () => {
  test('reads once; later the cache gives the same voxels, in memory and from disk', async () => {
    const first = await prepareCase(toPrepare, plan, folder, true);
    const second = await prepareCase(toPrepare, plan, folder, true);
    const third = await prepareCase(toPrepare, plan, folder, false);
    expect([first.fromCache, second.fromCache, third.fromCache]).toEqual([false, true, true]);
    expect(reads).toBe(1);
    expect(contents(second.prepared)).toEqual(contents(first.prepared));
    expect(contents(third.prepared)).toEqual(contents(first.prepared));
    third.prepared.close();
  });

  test('other files, window or spacing are another entry; fields that do not matter are not', async () => {
    await prepareCase(toPrepare, plan, folder, true);
    await prepareCase({ ...toPrepare, hash: 'abd' }, plan, folder, true);
    await prepareCase(toPrepare, { ...plan, windowHU: [-150, 240] }, folder, true);
    await prepareCase(toPrepare, { ...plan, spacingMm: [2, 1.9] }, folder, true);
    expect(reads).toBe(4);
    expect(preparedKey('abc', { ...plan, meanHU: 3 } as typeof plan)).toBe(preparedKey('abc', plan));
  });

  test.each([
    ['cut short', async (file: string) => truncate(file, 200)],
    ['empty', async (file: string) => writeFile(file, '')],
    ['text', async (file: string) => writeFile(file, 'hello, this is no prepared scan')],
    [
      'one bit wrong',
      async (file: string) => {
        const bytes = await readFile(file);
        bytes[bytes.length - 40]! ^= 1;
        await writeFile(file, bytes);
      },
    ],
    [
      'a header length beyond the file',
      async (file: string) => {
        const bytes = await readFile(file);
        bytes.writeBigUInt64LE(2n ** 60n);
        await writeFile(file, bytes);
      },
    ],
  ])('an entry that is %s is made again', async (_, damage) => {
    const good = await prepareCase(toPrepare, plan, folder, true);
    await damage(await onlyFile());
    const again = await prepareCase(toPrepare, plan, folder, true);
    expect(again.fromCache).toBe(false);
    expect(reads).toBe(2);
    expect(contents(again.prepared)).toEqual(contents(good.prepared));
    expect((await prepareCase(toPrepare, plan, folder, true)).fromCache).toBe(true);
  });

  test('works without a place to write, and says so', async () => {
    const file = join(folder, 'a-file');
    await writeFile(file, '');
    const entry = await prepareCase(toPrepare, plan, join(file, 'cache'), false);
    expect(entry.findings.map((f) => f.code)).toEqual(['cache-not-written']);
    expect(contents(entry.prepared).slices).toHaveLength(4);
  });
});

test('the cache lies where the environment or the system says', () => {
  expect(cacheFolder({ GLISSON_CACHE: '/somewhere' }, 'linux')).toBe('/somewhere');
  expect(cacheFolder({ XDG_CACHE_HOME: '/x' }, 'linux')).toBe(join('/x', 'glisson'));
  expect(cacheFolder({}, 'darwin')).toMatch(/Library.Caches.glisson$/);
  expect(cacheFolder({ LOCALAPPDATA: 'C' }, 'win32')).toBe(join('C', 'glisson', 'cache'));
});
