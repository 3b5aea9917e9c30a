import { randomBytes } from 'node:crypto';
import { basename, join, resolve } from 'node:path';
import { assertMayWriteFolder, writeFileWhole } from '@glisson/imaging/files/whole-files';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { type Evaluation, evaluatePaths } from '../../evaluate/evaluate-pairs.ts';
import { pairFiles } from '../../evaluate/pair-files.ts';
import { hashFile } from '../../fingerprint/hash-files.ts';
import { hashJson } from '../../plan/plan-text.ts';
import { describeEnvironment } from '../../train/environment.ts';
import { lockRun } from '../../train/run-lock.ts';
import { openRunFile } from '../record/open-run-file.ts';
import { findEvaluatedModel } from './evaluated-model.ts';

export interface EvaluateRunOptions {
  /** Right labelmaps and those to score: two files or two folders. */
  readonly reference: string;
  readonly prediction: string;
  /** Folder of the run that is written; it must be new or an earlier evaluation. */
  readonly out: string;
  /** The run whose model made the predictions; without it provenance.json beside them may tell. */
  readonly of?: string;
  readonly force?: boolean;
  /** The command line, for people. */
  readonly command?: string;
}

/** What an evaluation writes: --force replaces these and nothing else. */
const evaluationFiles = /^(run\.json|evaluation\.json|\.lock|\..+\.partial-[0-9a-f]+)$/;

/** A new folder's name for an evaluation, by the time and by chance, so that two at once do not meet. */
export function newEvaluationName(now = new Date()): string {
  const time = now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  return `evaluate-${time}-${randomBytes(3).toString('hex')}`;
}

/**
 * Scores predictions (`evaluatePaths`) and writes the evaluation down as a run of its own: run.json with whose predictions they
 * are and the hashes of the files, evaluation.json with the scores. The store shows them beside the run that made the model.
 * @throws as `evaluatePaths` and `findEvaluatedModel`; ImagingError `already-exists`, `not-writable`
 */
export async function evaluateRun(
  options: EvaluateRunOptions,
  control: TaskControl = {},
): Promise<Evaluation> {
  const { reference, prediction, of, force = false, command } = options;
  const [since, cpu] = [performance.now(), process.cpuUsage()];
  const out = resolve(options.out);
  await assertMayWriteFolder(out, force && evaluationFiles);
  const evaluates = await findEvaluatedModel(prediction, of);
  const pairs = await pairFiles(reference, prediction);
  const files: Record<string, string> = {};
  for (const pair of pairs) {
    control.signal?.throwIfAborted();
    files[`${pair.id} reference`] = await hashFile(pair.reference, control.signal);
    files[`${pair.id} prediction`] = await hashFile(pair.prediction, control.signal);
  }
  const unlock = await lockRun(join(out, '.lock'));
  try {
    const run = await openRunFile(out, {
      kind: 'evaluate',
      command,
      environment: await describeEnvironment(undefined),
      planHash: null,
      dataHash: hashJson(files),
      files,
      weights: null,
      evaluates,
      since,
      cpu,
    });
    try {
      const evaluation = await evaluatePaths(reference, prediction, control);
      await writeFileWhole(join(out, 'evaluation.json'), `${JSON.stringify(evaluation, null, 2)}\n`);
      await run.end({ state: 'finished', contents: ['evaluation.json'] });
      return evaluation;
    } catch (error) {
      const isStopped = control.signal?.aborted === true;
      const ending = isStopped ? { state: 'stopped' as const } : failure(error, basename(out));
      await run.end(ending).catch(() => {});
      throw error;
    }
  } finally {
    await unlock();
  }
}

function failure(error: unknown, name: string) {
  return { state: 'failed' as const, error: error instanceof Error ? error.message : `${name} failed` };
}
