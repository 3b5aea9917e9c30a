import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityDirection } from '@glisson/imaging/geometry/geometry';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { createVolume } from '@glisson/imaging/volume/volume';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { summariseCase } from './case-summary.ts';
import { cachedSummary } from './summary-cache.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glisson-summary-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const geometry = {
  size: [4, 3, 2],
  spacing: [1, 1, 3],
  origin: [0, 0, 0],
  direction: identityDirection,
} as const;
const summary = summariseCase(
  'a',
  'A',
  createVolume(
    geometry,
    Float32Array.from({ length: 24 }, (_, i) => i * 170.5 - 3000),
  ),
  createLabelmap(
    geometry,
    Uint8Array.from({ length: 24 }, (_, i) => (i > 18 ? 1 : 0)),
    liverLabels,
  ),
  [{ severity: 'info', code: 'x', message: 'y' }],
);

test('gives back the same summary, reads once, and makes damaged entries again', async () => {
  let made = 0;
  const get = (hash = 'h') =>
    cachedSummary(folder, { id: 'a', patient: 'A', hash }, async () => {
      made++;
      return summary;
    });
  expect(await get()).toEqual(summary);
  expect(await get()).toEqual(summary);
  expect(made).toBe(1);
  const file = join(folder, (await readdir(folder))[0]!);
  const text = await readFile(file, 'utf8');
  for (const damaged of [
    '',
    text.slice(0, -5),
    '{}',
    text.replace(/"liverVoxels":\d+/, '"liverVoxels":9999'),
  ]) {
    await writeFile(file, damaged);
    const before = made;
    expect(await get()).toEqual(summary);
    expect(made).toBe(before + 1);
  }
  await get('other files');
  expect(await readdir(folder)).toHaveLength(2);
});
