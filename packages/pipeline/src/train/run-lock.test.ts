import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lockRun } from './run-lock.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'glisson-lock-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** A number that no process has any more. */
const deadPid = spawnSync(process.execPath, ['-e', '']).pid;

describe('the lock of a run', () => {
  test('makes the folder, says who holds it, and goes when it is given free', async () => {
    const file = join(root, 'new', '.lock');
    const release = await lockRun(file);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ pid: process.pid, host: hostname() });
    await release();
    expect(existsSync(file)).toBe(false);
    await (await lockRun(file))();
  });

  test('is not given twice', async () => {
    const file = join(root, 'twice', '.lock');
    const release = await lockRun(file);
    await expect(lockRun(file)).rejects.toMatchObject({
      code: 'run-invalid',
      message: expect.stringContaining(`process ${process.pid}`),
    });
    expect(existsSync(file)).toBe(true);
    await release();
  });

  test.each([
    ['another process of this machine', { pid: process.ppid, host: hostname() }],
    ['another machine, whose processes nobody here knows', { pid: deadPid, host: 'elsewhere' }],
  ])('is left to %s', async (_, holder) => {
    const file = join(root, '.lock');
    await writeFile(file, JSON.stringify(holder));
    await expect(lockRun(file)).rejects.toMatchObject({
      code: 'run-invalid',
      message: expect.stringContaining(`process ${holder.pid} on ${holder.host}`),
    });
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(holder);
    await rm(file);
  });

  test.each([
    ['a process that is gone', JSON.stringify({ pid: deadPid, host: hostname() })],
    [
      'an earlier process with the number of this one',
      JSON.stringify({ pid: process.pid, host: hostname() }),
    ],
    ['a process that was killed while it wrote', '{"pid": 1'],
  ])('of %s is taken over', async (_, text) => {
    const file = join(root, '.lock');
    await writeFile(file, text);
    const release = await lockRun(file);
    expect(JSON.parse(await readFile(file, 'utf8')).pid).toBe(process.pid);
    await release();
  });
});
