import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { writeFileWhole, writeFolderWhole } from './whole-files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glisson-whole-'));
});

describe('whole files', () => {
  test('a file is written with its parents, and replaced', async () => {
    const path = join(folder, 'a', 'b', 'x.txt');
    await writeFileWhole(path, 'one');
    await writeFileWhole(path, new TextEncoder().encode('two'));
    expect(readFileSync(path, 'utf8')).toBe('two');
    expect(readdirSync(join(folder, 'a', 'b'))).toEqual(['x.txt']);
  });

  test('a path through a file is a typed error', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(writeFileWhole(join(folder, 'file', 'x'), '')).rejects.toMatchObject({
      name: 'ImagingError',
      code: 'not-writable',
    });
  });

  test('when the disk refuses more, the error is typed and nothing is left', () => {
    // A limit on file size stands for a full disk: the write fails half-way.
    const script = `
      import { writeFileWhole } from '@glisson/imaging/files/whole-files';
      try { await writeFileWhole(process.argv[1], new Uint8Array(1e6)); }
      catch (error) { console.log(error.name, error.code); }`;
    const result = spawnSync(
      'sh',
      [
        '-c',
        'ulimit -f 8; exec "$0" --input-type=module -e "$1" "$2"',
        process.execPath,
        script,
        join(folder, 'big'),
      ],
      { encoding: 'utf8', cwd: process.cwd() },
    );
    expect(result.stdout.trim()).toBe('ImagingError not-writable');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a folder appears only when it is complete', async () => {
    const out = join(folder, 'out');
    await writeFolderWhole(out, false, async (partial) => {
      await writeFile(join(partial, 'x'), '1');
      expect(existsSync(out)).toBe(false);
    });
    expect(readdirSync(folder)).toEqual(['out']);
    await expect(
      writeFolderWhole(out, true, async (partial) => {
        await writeFile(join(partial, 'y'), '2');
        throw new Error('half-way');
      }),
    ).rejects.toThrow('half-way');
    expect(readdirSync(out)).toEqual(['x']);
    expect(readdirSync(folder)).toEqual(['out']);
  });

  test('an output replaces outputs of its kind only, never a folder of something else', async () => {
    const out = join(folder, 'out');
    await writeFolderWhole(out, false, (partial) => writeFile(join(partial, '0001.png'), '1'));
    await writeFolderWhole(out, /^\d+\.png$/, (partial) => writeFile(join(partial, '0002.png'), '2'));
    expect(readdirSync(out)).toEqual(['0002.png']);
    await writeFile(join(out, 'thesis.txt'), 'years of work');
    await expect(writeFolderWhole(out, /^\d+\.png$/, async () => {})).rejects.toThrow(/thesis\.txt/);
    expect(readdirSync(out)).toEqual(['0002.png', 'thesis.txt']);
  });

  test('an existing folder is kept without force and replaced as a whole with it', async () => {
    const out = join(folder, 'out');
    await mkdir(out);
    await writeFolderWhole(out, false, (partial) => writeFile(join(partial, 'x'), '1'));
    await expect(writeFolderWhole(out, false, async () => {})).rejects.toMatchObject({
      code: 'already-exists',
    });
    await writeFolderWhole(out, true, (partial) => writeFile(join(partial, 'y'), '2'));
    expect(readdirSync(out)).toEqual(['y']);
  });
});
