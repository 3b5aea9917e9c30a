import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { assertWritable } from '@glisson/imaging/files/assert-writable';
import { assertMayWriteFolder } from '@glisson/imaging/files/whole-files';
import { PipelineError } from '../../errors/pipeline-error.ts';

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
  const { folder } = paths;
  if (mode.resume) {
    if (existsSync(paths.spec)) return;
    throw new PipelineError('run-invalid', 'There is no sweep to resume.', {
      where: folder,
      expected: 'a folder with the sweep.json of a sweep that was stopped',
      advice: 'Start it without --resume.',
    });
  }
  await assertMayWriteFolder(folder, mode.force);
  await assertWritable(folder);
  if (!existsSync(folder)) return;
  const strange = (await readdir(folder)).filter((name) => !entries.includes(name));
  if (strange.length > 0 && !existsSync(paths.spec)) {
    throw new PipelineError('run-invalid', 'The folder holds something else than a sweep.', {
      where: folder,
      found: strange.slice(0, 5).join(', '),
      expected: 'an earlier sweep, or an empty folder',
      advice: 'Choose another folder: --force replaces sweeps only.',
    });
  }
}

/** Removes an earlier sweep. */
export async function clearSweep(paths: SweepPaths): Promise<void> {
  for (const entry of entries)
    if (entry !== '.lock') await rm(join(paths.folder, entry), { recursive: true, force: true });
}
