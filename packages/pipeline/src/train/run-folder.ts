import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { writeFileWhole } from '@glisson/imaging/files/whole-files';
import { PipelineError } from '../errors/pipeline-error.ts';
import type { AnyPlan } from '../plan/any-plan.ts';
import { planHash, planText } from '../plan/plan-text.ts';
import { parsePlanText } from '../plan/read-plan.ts';
import { appendLine } from './append-line.ts';
import { readCheckpoint } from './checkpoint.ts';
import { assertMayWriteOwn, clearOwn } from './own-folder.ts';

/** Paths of a run. */
export function runPaths(folder: string) {
  return {
    folder,
    /** There while a training writes. */
    lock: join(folder, '.lock'),
    plan: join(folder, 'plan.json'),
    environment: join(folder, 'environment.json'),
    metrics: join(folder, 'metrics.jsonl'),
    log: join(folder, 'log.jsonl'),
    last: join(folder, 'checkpoints', 'last.safetensors'),
    best: join(folder, 'checkpoints', 'best.safetensors'),
    model: join(folder, 'model.onnx'),
    curve: join(folder, 'curve.svg'),
    evaluation: join(folder, 'evaluation.json'),
  };
}

export type RunPaths = ReturnType<typeof runPaths>;

/** What training writes into a run; --force removes these and nothing else. */
export const entriesOfARun: readonly string[] = [
  '.lock',
  'run.json',
  'plan.json',
  'environment.json',
  'metrics.jsonl',
  'log.jsonl',
  'checkpoints',
  'model.onnx',
  'curve.svg',
  'evaluation.json',
];

/**
 * Checks, before any work, that a run may be written here.
 * @throws ImagingError `already-exists`, `not-writable`; PipelineError `run-invalid` for --resume without a run, and for --force
 * where something else than a run would be lost
 */
export async function assertMayRun(folder: string, mode: { resume: boolean; force: boolean }): Promise<void> {
  const paths = runPaths(resolve(folder));
  const own = { folder: paths.folder, what: 'run', mark: paths.plan, entries: entriesOfARun };
  await assertMayWriteOwn(own, mode, folder);
}

/**
 * Starts a run: an earlier one is removed, the plan is written.
 * @throws ImagingError `not-writable`
 */
export async function startRun(paths: RunPaths, plan: AnyPlan): Promise<void> {
  await clearOwn({ folder: paths.folder, entries: entriesOfARun });
  await writeFileWhole(paths.plan, planText(plan));
}

/** Removes what a killed process had begun to write (see `writeFileWhole`). */
async function sweepPartialFiles(paths: RunPaths): Promise<void> {
  for (const folder of [paths.folder, dirname(paths.last)]) {
    const names = await readdir(folder).catch((): string[] => []);
    for (const name of names) if (/^\..+\.partial-[0-9a-f]+$/.test(name)) await rm(join(folder, name));
  }
}

/**
 * Finds where a run was stopped; undefined when it was stopped before its first checkpoint.
 * @throws PipelineError `run-invalid` when plan or data are not those of the run, or plan.json was edited since
 */
export async function resumeRun(paths: RunPaths, plan: AnyPlan) {
  const checkpoint = existsSync(paths.last) ? await readCheckpoint(paths.last) : undefined;
  const kept = parsePlanText(await readFile(paths.plan, 'utf8'), paths.plan);
  const known = checkpoint?.progress.planHash ?? planHash(kept);
  const changed = differences(kept, plan);
  if (known === planHash(plan) && changed.length === 0) {
    await sweepPartialFiles(paths);
    return checkpoint;
  }
  throw new PipelineError('run-invalid', 'The run cannot be resumed with another plan.', {
    where: paths.plan,
    found: `differs in ${changed.join(', ') || 'the thresholds that were set'}`,
    expected:
      'the same data, recipe, patients and --set as when it was started, and its plan.json as written',
    advice: 'Resume with those, or start a new run in another folder; choices are changed with --set.',
  });
}

/** Dotted names of the fields that differ, up to eight. Thresholds are chosen at the end and do not count. */
function differences(a: unknown, b: unknown, name = ''): string[] {
  if (name === 'postprocess.liverThreshold' || name === 'postprocess.lesionThreshold') return [];
  const isTree = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isTree(a) || !isTree(b)) return JSON.stringify(a) === JSON.stringify(b) ? [] : [name];
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  return keys.flatMap((key) => differences(left[key], right[key], name ? `${name}.${key}` : key)).slice(0, 8);
}

/** Adds a line to log.jsonl, with the time: the log is for people, results are elsewhere. */
export async function writeLog(paths: RunPaths, event: string, details: object = {}): Promise<void> {
  await appendLine(paths.log, JSON.stringify({ time: new Date().toISOString(), event, ...details }));
}
