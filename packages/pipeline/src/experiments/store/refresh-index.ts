import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { PipelineError } from '../../errors/pipeline-error.ts';
import type { IndexDatabase } from './index-database.ts';
import { inTransaction } from './index-database.ts';
import { type WalkedRun, walkStore } from './walk-store.ts';
import { type IndexedRun, writeRuns } from './write-index.ts';

/** A file that was changed this short a time ago may change again without a new time. */
const grainMs = 1000;

/** Runs that are read at once. */
const readers = 8;

export interface Refreshed {
  readonly runs: number;
  /** Runs that were read, and those that are gone. */
  readonly read: number;
  readonly removed: number;
}

/**
 * Makes an index agree with the folders of a store: reads the runs that are new, changed or were running, and forgets those that
 * are gone. Folders are read before the index is locked.
 * @param options `all`: read every run; `thorough`: also hash large files
 * @throws PipelineError `run-invalid` when the store is no folder
 */
export async function refreshIndex(
  store: string,
  database: IndexDatabase,
  options: { readonly all?: boolean; readonly thorough?: boolean } = {},
  control: TaskControl = {},
): Promise<Refreshed> {
  if (!existsSync(store)) {
    throw new PipelineError('run-invalid', 'There is no folder of runs here.', {
      where: store,
      expected: 'a folder with the runs that train, evaluate and sweep wrote',
      advice: 'Name it with --runs or GLISSON_RUNS.',
    });
  }
  const { all = false, thorough = false } = options;
  const walkedAt = Date.now();
  const walked = walkStore(store);
  const known = new Map(
    (database.prepare('SELECT folder, stamp, state FROM runs').all() as KnownRun[]).map((run) => [
      run.folder,
      run,
    ]),
  );
  const stale = walked.filter(({ folder, stamp }) => {
    const run = known.get(folder);
    return all || run === undefined || run.stamp !== stamp || run.state === 'running';
  });
  const present = new Set(walked.map(({ folder }) => folder));
  const removed = [...known.keys()].filter((folder) => !present.has(folder));
  if (stale.length === 0 && removed.length === 0) return { runs: walked.length, read: 0, removed: 0 };

  const changed = await readStale(store, stale, walkedAt, thorough, control);
  // What could not be read as a run at all is none.
  const read = new Set(changed.map(({ folder }) => folder));
  const lost = stale.map(({ folder }) => folder).filter((folder) => !read.has(folder) && known.has(folder));
  control.signal?.throwIfAborted();
  inTransaction(database, () => writeRuns(database, changed, [...removed, ...lost]));
  return { runs: walked.length, read: changed.length, removed: removed.length + lost.length };
}

interface KnownRun {
  readonly folder: string;
  readonly stamp: string;
  readonly state: string;
}

async function readStale(
  store: string,
  stale: readonly WalkedRun[],
  walkedAt: number,
  thorough: boolean,
  control: TaskControl,
): Promise<IndexedRun[]> {
  if (stale.length === 0) return [];
  // Reading takes the schemas along: a command that finds all as it was does without.
  const { readRun } = await import('../record/read-run.ts');
  const results: IndexedRun[] = [];
  let next = 0;
  const reader = async () => {
    while (next < stale.length) {
      control.signal?.throwIfAborted();
      const { folder, stamp, changed } = stale[next++]!;
      try {
        const record = await readRun(join(store, folder), { thorough });
        results.push({ folder, stamp: changed > walkedAt - grainMs ? '' : stamp, record });
      } catch (error) {
        // It vanished, or is a plan and no run.
        if (!(error instanceof PipelineError)) throw error;
      }
      if (results.length % 50 === 0) {
        control.onProgress?.({ stage: 'read runs', done: results.length, total: stale.length, unit: 'runs' });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(readers, stale.length) }, reader));
  return results;
}
