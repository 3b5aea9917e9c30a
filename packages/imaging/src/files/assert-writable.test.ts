import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { assertWritable } from './assert-writable.ts';

test('a folder that is there, or could be made, passes and is left as it was', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'glisson-writable-'));
  await assertWritable(folder);
  await assertWritable(join(folder, 'a', 'b'));
  expect(readdirSync(folder)).toEqual([]);
});

test.each([[[]], [['below', 'it']]])('a file where a folder should be is a typed error', async (below) => {
  const file = join(mkdtempSync(join(tmpdir(), 'glisson-writable-')), 'file');
  writeFileSync(file, '');
  await expect(assertWritable(join(file, ...below))).rejects.toMatchObject({ code: 'not-writable' });
});
