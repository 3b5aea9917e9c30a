import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { entriesOfARun } from '../../train/run-folder.ts';
import { isLocked } from '../../train/run-lock.ts';
import type { RunRecord } from '../record/run-record.ts';

export interface PruneChoice {
  /** Runs of these only; trials and runs by themselves, never sweeps. */
  readonly candidates: readonly RunRecord[];
  /** Keeps so many finished trainings with the highest lesion Dice on the same validation patients, and prunes the other finished ones. */
  readonly keepBest?: number;
  /** Prunes failed runs. */
  readonly failed?: boolean;
  /** Takes the checkpoints of finished trainings away and leaves the runs. */
  readonly checkpoints?: boolean;
}

/** What is to be deleted of one run. */
export interface PrunedRun {
  readonly folder: string;
  readonly reason: string;
  /** Entries of the folder, or all that a run writes. */
  readonly entries: readonly string[];
  readonly bytes: number;
}

export interface PrunePlan {
  readonly runs: readonly PrunedRun[];
  /** Runs that were asked for and stay, with the reason. */
  readonly kept: readonly { readonly folder: string; readonly reason: string }[];
}

/** Of what a run writes, all but its lock; anything else stays. */
const prunedEntries = entriesOfARun.filter((name) => name !== '.lock');

/**
 * Lists what pruning would delete; deletes nothing. Never anything of a run that is running, or of a sweep that is.
 * Without `keepBest`, `failed` or `checkpoints` all candidates are to go.
 */
export async function planPrune(choice: PruneChoice): Promise<PrunePlan> {
  const { candidates, keepBest, failed = false, checkpoints = false } = choice;
  const kept: { folder: string; reason: string }[] = [];
  const runs: PrunedRun[] = [];
  const best = new Set(keepBest === undefined ? [] : bestRuns(candidates, keepBest));
  for (const run of candidates) {
    const reason = reasonToGo(run, { keepBest, failed, checkpoints }, best);
    if (reason === undefined) continue;
    const { folder } = run;
    if (run.kind === 'sweep')
      kept.push({ folder, reason: 'a sweep is never pruned as a whole: prune its trials' });
    else if (await isInUse(folder)) kept.push({ folder, reason: 'it is running, or in a sweep that is' });
    else {
      const there = (await readdir(folder)).filter((name) =>
        checkpoints ? name === 'checkpoints' : prunedEntries.includes(name),
      );
      const sizes = await Promise.all(there.map((name) => sizeOf(join(folder, name))));
      const bytes = sizes.reduce((sum, size) => sum + size, 0);
      if (there.length > 0) runs.push({ folder, reason, entries: there, bytes });
    }
  }
  return { runs, kept };
}

function reasonToGo(
  run: RunRecord,
  { keepBest, failed, checkpoints }: Pick<PruneChoice, 'keepBest' | 'failed' | 'checkpoints'>,
  best: ReadonlySet<RunRecord>,
): string | undefined {
  const isFinished = run.kind === 'train' && run.state === 'finished';
  if (checkpoints) {
    const isSpared = keepBest !== undefined && best.has(run);
    return isFinished && !isSpared ? 'checkpoints of a finished training' : undefined;
  }
  if (failed && run.state === 'failed') return 'failed';
  if (keepBest !== undefined) {
    return isFinished && !best.has(run) ? `not among the best ${keepBest} by validation` : undefined;
  }
  return failed ? undefined : 'named';
}

/**
 * By lesion Dice on all slices of validation patients; of equals the older one. Test scores have no say. Dice of different validation
 * patients do not compare: of each group of them so many are kept.
 */
function bestRuns(runs: readonly RunRecord[], count: number): RunRecord[] {
  const groups = new Map<string, RunRecord[]>();
  for (const run of runs) {
    const { kind, state, results, split } = run;
    if (kind !== 'train' || state !== 'finished' || results.validationLesionDice === null) continue;
    const group = split?.validation.join(' ') ?? '';
    groups.set(group, [...(groups.get(group) ?? []), run]);
  }
  const byDice = (a: RunRecord, b: RunRecord) =>
    b.results.validationLesionDice! - a.results.validationLesionDice! ||
    ((a.started ?? '') < (b.started ?? '') ? -1 : 1);
  return [...groups.values()].flatMap((group) => group.sort(byDice).slice(0, count));
}

/** Whether a process writes to this run or to a folder above it (a sweep). */
export async function isInUse(folder: string): Promise<boolean> {
  const parts = folder.split(/[/\\]/);
  for (let length = parts.length; length > 1 && length > parts.length - 4; length--) {
    const lock = join(parts.slice(0, length).join('/'), '.lock');
    if (existsSync(lock) && (await isLocked(lock))) return true;
  }
  return false;
}

async function sizeOf(path: string): Promise<number> {
  const info = await stat(path);
  if (!info.isDirectory()) return info.size;
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  let bytes = 0;
  for (const entry of entries)
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  return bytes;
}
