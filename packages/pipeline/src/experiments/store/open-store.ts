import { existsSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { lockRun } from '../../train/run-lock.ts';
import type { RunRecord } from '../record/run-record.ts';
import { type ChosenPatient, findChosen } from './chosen-patients.ts';
import {
  type IndexDatabase,
  isDamaged,
  isUnwritable,
  openIndexDatabase,
  removeIndex,
} from './index-database.ts';
import { type QueriedRuns, queryRuns, type RunQuery, recordOfFolder, selectRecords } from './query-runs.ts';
import { type Refreshed, refreshIndex } from './refresh-index.ts';

export const indexName = '.glisson-index.sqlite';

export interface RunStore {
  /** Absolute path. */
  readonly folder: string;
  readonly refreshed: Refreshed;
  /** What a person should know: that the index was damaged and made anew, or cannot be kept. */
  readonly notes: readonly string[];
  /** Values of the asked fields of the runs that match. */
  query(query: RunQuery): QueriedRuns;
  /** The whole records of the runs that match, with the scores of evaluations beside their runs. */
  records(query?: Omit<RunQuery, 'columns'>): RunRecord[];
  /** The record of a run by its absolute folder. */
  recordOf(folder: string): RunRecord | undefined;
  /** Patients that tested this run and chose something in a run of the store. */
  chosen(record: RunRecord): ChosenPatient[];
  close(): void;
}

export interface StoreOptions {
  /** Throws the index away first. */
  readonly rebuild?: boolean;
  /** With `rebuild`: also hash models and other large files. */
  readonly thorough?: boolean;
}

/**
 * Opens a store: brings its index up to date with the folders, and answers questions from it. The index is a file in the store
 * that can be deleted at any time; a damaged one is made anew; where none can be written it is kept in memory. Several processes may
 * do so at once.
 * @throws PipelineError `run-invalid` when the store is no folder
 */
export async function openStore(
  folder: string,
  options: StoreOptions = {},
  control: TaskControl = {},
): Promise<RunStore> {
  const path = join(folder, indexName);
  const notes: string[] = [];
  const { rebuild = false, thorough = false } = options;
  const attempt = async (place: string): Promise<RunStore> => {
    const database = openIndexDatabase(place);
    try {
      const refreshed = await refreshIndex(folder, database, { all: rebuild, thorough }, control);
      return storeOf(folder, database, refreshed, notes);
    } catch (error) {
      database.close();
      throw error;
    }
  };
  if (!existsSync(folder)) return attempt(':memory:');
  try {
    return await attempt(path);
  } catch (error) {
    if (isUnwritable(error)) return inMemory(error);
    if (!isDamaged(error)) throw error;
    notes.push('The index was damaged and has been made anew from the folders.');
  }
  const unlock = await lockPatiently(join(folder, '.glisson-index.lock'));
  try {
    // Another process may have made it anew meanwhile.
    const mended = await attempt(path).catch((error: unknown) => {
      if (isDamaged(error)) return undefined;
      throw error;
    });
    if (mended !== undefined) return mended;
    removeIndex(path);
    return await attempt(path);
  } catch (error) {
    if (isUnwritable(error) || isDamaged(error)) return inMemory(error);
    throw error;
  } finally {
    await unlock();
  }

  function inMemory(error: unknown): Promise<RunStore> {
    notes.push(
      `The index cannot be kept in the folder of runs (${(error as Error).message}): it is made anew each time.`,
    );
    return attempt(':memory:');
  }
}

function storeOf(
  folder: string,
  database: IndexDatabase,
  refreshed: Refreshed,
  notes: readonly string[],
): RunStore {
  return {
    folder,
    refreshed,
    notes,
    query: (query) => queryRuns(database, query),
    records: (query = {}) => selectRecords(database, query),
    recordOf: (path) => recordOfFolder(database, relative(folder, path).split(sep).join('/')),
    chosen: (record) => findChosen(database, record),
    close: () => {
      database.close();
    },
  };
}

/** One process at a time replaces an index; the others wait for it. */
async function lockPatiently(path: string): Promise<() => Promise<void>> {
  for (let tries = 0; ; tries++) {
    try {
      return await lockRun(path);
    } catch (error) {
      if (tries >= 150) throw error;
      await sleep(100);
    }
  }
}
