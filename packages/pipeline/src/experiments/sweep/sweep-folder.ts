import { join, resolve } from 'node:path';
import { assertMayWriteOwn, clearOwn } from '../../train/own-folder.ts';

/** Paths of a sweep. */
export function sweepPaths(out: string) {
  const folder = resolve(out);
  return {
    folder,
    lock: join(folder, '.lock'),
    /** The sweep as it was begun. */
    spec: join(folder, 'sweep.json'),
    decisions: join(folder, 'decisions.jsonl'),
    log: join(folder, 'log.jsonl'),
    run: join(folder, 'run.json'),
    ranking: join(folder, 'ranking.json'),
    report: join(folder, 'report.html'),
    trials: join(folder, 'trials'),
    trial: (number: number) => join(folder, 'trials', String(number).padStart(4, '0')),
    parallel: join(folder, 'parallel.svg'),
    scatter: join(folder, 'scatter.svg'),
    /** Alone in its folder: who lists runs takes it for none. */
    winnerPlan: join(folder, 'winner', 'plan.json'),
    /** Scores of the winner on the test patients. */
    winnerTest: join(folder, 'test.json'),
  };
}

export type SweepPaths = ReturnType<typeof sweepPaths>;

/** What a sweep writes; --force removes these and nothing else. */
const entries = [
  '.lock',
  'sweep.json',
  'decisions.jsonl',
  'log.jsonl',
  'run.json',
  'ranking.json',
  'report.html',
  'parallel.svg',
  'scatter.svg',
  'test.json',
  'trials',
  'winner',
];

/**
 * Checks, before any work, that a sweep may be written here.
 * @throws ImagingError `already-exists`, `not-writable`; PipelineError `run-invalid` for --resume without a sweep, and for --force
 * where something else than a sweep would be lost
 */
export async function assertMaySweep(
  paths: SweepPaths,
  mode: { resume: boolean; force: boolean },
): Promise<void> {
  await assertMayWriteOwn({ folder: paths.folder, what: 'sweep', mark: paths.spec, entries }, mode);
}

/** Removes an earlier sweep. */
export async function clearSweep(paths: SweepPaths): Promise<void> {
  await clearOwn({ folder: paths.folder, entries });
}
