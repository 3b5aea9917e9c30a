import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hashCase } from './hash-files.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'glisson-hash-'));
  await mkdir(join(root, 'a', 'series', 'deep'), { recursive: true });
  await writeFile(join(root, 'a', 'series', '1.dcm'), 'one');
  await writeFile(join(root, 'a', 'series', 'deep', '2.dcm'), 'two');
  await writeFile(join(root, 'a', 'labels.nii'), 'labels');
  await cp(join(root, 'a'), join(root, 'b'), { recursive: true });
});
afterAll(() => rm(root, { recursive: true, force: true }));

function hash(folder: string, values?: { stored: number; value: number }[]) {
  return hashCase({
    id: folder,
    patient: folder,
    image: join(root, folder, 'series'),
    label: { kind: 'file', path: join(root, folder, 'labels.nii'), values },
  });
}

test('depends on content, names and the meaning of labels, not on where the data lies', async () => {
  const first = await hash('a');
  expect(await hash('b')).toBe(first);
  expect(await hash('a', [{ stored: 3, value: 2 }])).not.toBe(first);
  await writeFile(join(root, 'b', 'labels.nii'), 'labelt');
  expect(await hash('b')).not.toBe(first);
  await writeFile(join(root, 'b', 'labels.nii'), 'labels');
  await rename(join(root, 'b', 'series', '1.dcm'), join(root, 'b', 'series', '3.dcm'));
  expect(await hash('b')).not.toBe(first);
});

test('stops when cancelled', async () => {
  const aborted = AbortSignal.abort(new Error('stop'));
  const wanted = { id: 'a', patient: 'a', image: join(root, 'a', 'series') };
  await expect(hashCase(wanted, aborted)).rejects.toThrow();
});

test.each([
  ['ct.mhd', 'NDims = 3\nElementDataFile = ct.raw\n', 'ct.raw'],
  ['ct.nhdr', 'NRRD0004\ntype: short\ndata file: other.bin\n\n', 'other.bin'],
  ['ct.hdr', 'header', 'ct.img'],
  ['ct.img', 'voxels', 'ct.hdr'],
])('follows %s to the other file of the image', async (name, content, other) => {
  const folder = await mkdtemp(join(root, 'pair-'));
  const image = join(folder, name);
  await writeFile(image, content);
  const pair = { id: 'pair', patient: 'pair', image };
  const alone = await hashCase(pair);
  await writeFile(join(folder, other), 'one');
  const first = await hashCase(pair);
  expect(first).not.toBe(alone);
  await writeFile(join(folder, other), 'two');
  expect(await hashCase(pair)).not.toBe(first);
});
