import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { lockRun } from '../../train/run-lock.ts';
import { isInUse, type PrunePlan } from './plan-prune.ts';

export interface Pruned {
  readonly folder: string;
  readonly bytes: number;
  /** What is still in the folder, which then stays; empty when it is gone or only its checkpoints were to go. */
  readonly left: readonly string[];
}

/**
 * Deletes what a plan lists, and each folder that is empty then. A run that has begun to run since the plan was made stays, and is
 * locked meanwhile so that none begins. run.json goes first: what a kill leaves half-deleted is seen to be damaged.
 */
export async function carryOutPrune(plan: PrunePlan, control: TaskControl = {}): Promise<Pruned[]> {
  const done: Pruned[] = [];
  for (const { folder, entries, bytes } of plan.runs) {
    control.signal?.throwIfAborted();
    if (await isInUse(folder)) continue;
    const unlock = await lockRun(join(folder, '.lock'));
    try {
      const inOrder = [...entries].sort((a, b) => Number(b === 'run.json') - Number(a === 'run.json'));
      for (const name of inOrder) await rm(join(folder, name), { recursive: true, force: true });
    } finally {
      await unlock();
    }
    const isWhole = !(entries.length === 1 && entries[0] === 'checkpoints');
    const left = isWhole ? await readdir(folder) : [];
    if (isWhole && left.length === 0) await rmdir(folder);
    done.push({ folder, bytes, left });
    control.onProgress?.({ stage: 'prune', done: done.length, total: plan.runs.length, unit: 'runs' });
  }
  return done;
}
