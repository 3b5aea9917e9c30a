import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { PipelineError } from '../errors/pipeline-error.ts';

/** Who writes to a run. */
interface Holder {
  readonly pid: number;
  readonly host: string;
}

/** What writes to a locked folder. */
type LockedThing = 'training' | 'sweep';

/** Locks of this process: another process may have had its number before. */
const heldHere = new Set<string>();

/**
 * Claims a run for this process by a file in its folder; two that write the same checkpoints would spoil both. What a
 * killed process of this machine left behind is taken over.
 * @returns what gives it free again
 * @throws PipelineError `run-invalid` when another training holds it, or may: on another machine nobody can tell
 */
export async function lockRun(path: string, what: LockedThing = 'training'): Promise<() => Promise<void>> {
  const file = resolve(path);
  await mkdir(dirname(file), { recursive: true });
  if (!(await create(file))) {
    const holder = await readHolder(file);
    if (holder !== undefined && mayLive(holder, file)) throw lockedRun(file, holder, what);
    await rm(file, { force: true });
    if (!(await create(file))) throw lockedRun(file, await readHolder(file), what);
  }
  heldHere.add(file);
  return async () => {
    heldHere.delete(file);
    await rm(file, { force: true });
  };
}

/** Whether a lock is there whose process lives, or may live: on another machine nobody can tell. */
export async function isLocked(path: string): Promise<boolean> {
  const file = resolve(path);
  const holder = await readHolder(file);
  return holder !== undefined && mayLive(holder, file);
}

/** Writes the lock; false when there is one. */
async function create(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx');
    try {
      const holder: Holder = { pid: process.pid, host: hostname() };
      await handle.writeFile(`${JSON.stringify(holder)}\n`);
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined when the process was killed while it wrote its lock. */
async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    const { pid, host } = JSON.parse(await readFile(file, 'utf8')) as Partial<Holder>;
    return typeof pid === 'number' && typeof host === 'string' ? { pid, host } : undefined;
  } catch {
    return undefined;
  }
}

function mayLive({ pid, host }: Holder, file: string): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid) return heldHere.has(file);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It lives when it belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function lockedRun(file: string, holder: Holder | undefined, what: LockedThing): PipelineError {
  return new PipelineError(
    'run-invalid',
    `Another ${what} writes to this ${what === 'sweep' ? what : 'run'}.`,
    {
      where: dirname(file),
      found: holder === undefined ? 'its lock' : `process ${holder.pid} on ${holder.host}`,
      expected: what === 'sweep' ? 'one process a sweep' : 'one training a run',
      advice: `Wait for it or stop it. If it is no longer there, remove ${file}.`,
    },
  );
}
