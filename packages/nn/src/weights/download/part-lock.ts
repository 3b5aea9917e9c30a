import { readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { NetworkError } from '../../errors/network-error.ts';

/**
 * Runs `work` while no other process does the same to `path`. The lock of a process that has ended is taken over.
 * @throws NetworkError 'already-exists' when somebody else is at it, and what `work` throws
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  const mine = `${process.pid} ${hostname()}`;
  for (;;) {
    try {
      await writeFile(lock, mine, { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = await readFile(lock, 'utf8').catch(() => undefined);
    if (owner === undefined) continue;
    if (mayBeRunning(owner)) {
      throw new NetworkError(
        'already-exists',
        `Process ${owner} is at ${path} already. If it is not, delete ${lock}.`,
      );
    }
    await rm(lock, { force: true });
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

function mayBeRunning(owner: string): boolean {
  const [, pid, host] = /^(\d+) (.*)$/.exec(owner) ?? [];
  // Of another machine nothing is known, nor of a lock that is just being written.
  if (host !== hostname()) return true;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
