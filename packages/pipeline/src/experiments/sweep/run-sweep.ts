import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { writeFileWhole } from '@glisson/imaging/files/whole-files';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { PipelineError } from '../../errors/pipeline-error.ts';
import { hashJson } from '../../plan/plan-text.ts';
import { cacheFolder } from '../../preprocess/cache-folder.ts';
import { describeEnvironment } from '../../train/environment.ts';
import { lockRun } from '../../train/run-lock.ts';
import { prepareSides } from '../../train/training-data.ts';
import { openRunFile, type RunEnding } from '../record/open-run-file.ts';
import { readRunFile } from '../record/run-file.ts';
import { checkCandidates } from './check-candidates.ts';
import { openDecisions } from './decisions.ts';
import { concludeSweep } from './outcome/conclude-sweep.ts';
import type { SweepResult } from './outcome/sweep-result.ts';
import { type PreparedSweep, prepareSweep } from './prepare-sweep.ts';
import { settingAt } from './space/dimension.ts';
import { buildPoint } from './space/space.ts';
import { readSpec } from './spec/read-spec.ts';
import { type Budget, type SweepSpec, spaceOf } from './spec/sweep-spec.ts';
import { assertMaySweep, clearSweep, type SweepPaths, sweepPaths } from './sweep-folder.ts';
import { openSweepLog } from './sweep-log.ts';
import { createBudgetClock } from './trials/budget-clock.ts';
import { plannedTrials, runTrials } from './trials/run-trials.ts';
import { createTrialBoard } from './trials/trial-board.ts';
import type { SweepWatcher } from './trials/trial-view.ts';

export interface SweepOptions {
  /** The sweep's YAML file. */
  readonly spec: string;
  /** Folder of the sweep. */
  readonly out: string;
  readonly resume?: boolean;
  readonly force?: boolean;
  /** Folder of labelled scans, instead of the one in the file. */
  readonly data?: string;
  /** Trials at a time, instead of the file's. */
  readonly workers?: number;
  /** Instead of the file's. */
  readonly budget?: Budget;
  /** Where prepared scans are kept; default: see `cacheFolder`. */
  readonly cache?: string;
  /** For run.json: the command line. */
  readonly command?: string;
  /** Told whenever something has changed. */
  readonly watch?: SweepWatcher;
}

export interface SweepSummary {
  readonly schema: 'glisson.sweep-summary/1';
  readonly sweep: string;
  readonly result: SweepResult;
  readonly report: string;
  /** Plan of the winner, for `train --plan`; null when no trial has a value. */
  readonly winnerPlan: string | null;
  /** All sittings together. */
  readonly seconds: number;
  readonly notes: readonly string[];
}

/**
 * Runs a sweep: trials in processes of their own, each an ordinary run in `trials/0001` and so on, until the budget or the space is
 * used up; then ranking, plots, report, and the winner's scores on the test patients. With one worker and a budget of trials the same
 * file gives the same trials, decisions and ranking, also when the sweep was killed and resumed in between.
 * @throws PipelineError `sweep-invalid` before the first trial for everything that is wrong with the file, `run-invalid` when the
 * folder is another sweep's, `training-failed` when every trial failed; ImagingError; the signal's reason when cancelled, and then the
 * sweep can be resumed
 */
export async function runSweep(options: SweepOptions, control: TaskControl = {}): Promise<SweepSummary> {
  const usage = { since: performance.now(), cpu: process.cpuUsage() };
  const resume = options.resume ?? false;
  const paths = sweepPaths(options.out);
  const read = withOverrides(await readSpec(options.spec), options);
  await assertMaySweep(paths, { resume, force: options.force ?? false });
  const spec = resume ? await resumedSpec(read, paths) : read;
  const cache = options.cache ?? join(cacheFolder(), 'preprocessed');
  const prepared = await prepareSweep(spec, cache, control);
  await checkCandidates(spec, prepared, options.spec);

  const unlock = await lockRun(paths.lock, 'sweep');
  try {
    if (resume) await assertSameData(paths, prepared);
    else {
      await clearSweep(paths);
      await writeFileWhole(paths.spec, sweepText(spec, prepared));
    }
    // Trials count their own; what the sweep itself took is kept apart, so that a resumed one does not count them twice.
    const earlier = resume ? await readRunFile(paths.folder).catch(() => undefined) : undefined;
    const ownBefore = Number(earlier?.ownCoreSeconds ?? 0);
    const runFile = await openRunFile(paths.folder, {
      kind: 'sweep',
      command: options.command,
      environment: await describeEnvironment(spec.threads),
      planHash: null,
      dataHash: prepared.data.dataHash,
      files: Object.fromEntries(prepared.data.cases.map(({ id, hash }) => [id, hash])),
      layout: prepared.data.layout,
      weights: null,
      resume,
      ...usage,
    });
    const end = async (ending: RunEnding) => {
      const { user, system } = process.cpuUsage(usage.cpu);
      const own = ownBefore + (user + system) / 1e6;
      const all = own + (await coreSecondsOfTrials(paths.trials));
      const changes = { coreSeconds: Number(all.toFixed(2)), ownCoreSeconds: Number(own.toFixed(2)) };
      await runFile.end({ ...ending, changes });
    };
    try {
      const summary = await sweepTrials({ spec, paths, cache, prepared, options, resume }, control);
      await end({ state: 'finished', contents: ['sweep.json', 'decisions.jsonl', 'ranking.json'] });
      return summary;
    } catch (error) {
      const isStopped = control.signal?.aborted === true;
      const reason = (error as Error).message;
      await end({ state: isStopped ? 'stopped' : 'failed', ...(!isStopped && { error: reason }) }).catch(
        () => {},
      );
      throw error;
    }
  } finally {
    await unlock();
  }
}

interface OpenSweep {
  readonly spec: SweepSpec;
  readonly paths: SweepPaths;
  readonly cache: string;
  readonly prepared: PreparedSweep;
  readonly options: SweepOptions;
  readonly resume: boolean;
}

/** The trials, and what comes of them. */
async function sweepTrials(sweep: OpenSweep, control: TaskControl): Promise<SweepSummary> {
  const { spec, paths, cache, prepared, options, resume } = sweep;
  const log = await openSweepLog(paths.log);
  const clock = createBudgetClock(spec.budget, log.secondsUsed);
  const onEvent = (event: string, details: object) =>
    log.add(event, { ...details, secondsUsed: Number(clock.used().toFixed(1)) });
  const decisions = await openDecisions(paths.decisions);
  try {
    const board = createTrialBoard(decisions.all);
    const { workers, notes } = workersOf(spec);
    await onEvent(resume ? 'resumed' : 'started', { workers, threads: spec.threads });
    await warmCache(prepared, spec, cache, control);
    const planned = plannedTrials(spec);
    const onChange = () => {
      const used = clock.used();
      options.watch?.({
        trials: board.trials,
        planned,
        secondsUsed: used,
        secondsLeft: secondsLeft(board.trials, planned, used, clock.left()),
      });
    };
    const id = sweepId(spec);
    const job = { id, spec, paths, cache, workers, decisions, board, clock, onChange, onEvent };
    await runTrials(job, control.signal);
    const result = await concludeSweep(
      { spec, paths, cache, decisions: decisions.all, prepared, notes, threads: workers * spec.threads },
      control,
    );
    if (result.winner === null) throw nothingFinished(paths, result);
    await onEvent('finished', {});
    return {
      schema: 'glisson.sweep-summary/1',
      sweep: paths.folder,
      result,
      report: paths.report,
      winnerPlan: paths.winnerPlan,
      seconds: clock.used(),
      notes,
    };
  } catch (error) {
    await onEvent('stopped', { reason: (error as Error).message }).catch(() => {});
    throw error;
  } finally {
    await decisions.close();
  }
}

/** Processor time of all trials, as their run.json says. */
async function coreSecondsOfTrials(folder: string): Promise<number> {
  let sum = 0;
  for (const name of await readdir(folder).catch((): string[] => [])) {
    const file = await readRunFile(join(folder, name)).catch(() => undefined);
    sum += file?.coreSeconds ?? 0;
  }
  return sum;
}

/** What the command line says goes before what the file says. */
export function withOverrides(
  spec: SweepSpec,
  { data, workers, budget }: Pick<SweepOptions, 'data' | 'workers' | 'budget'>,
): SweepSpec {
  const { size: _, ...sampler } = spec.sampler;
  const { trials } = budget ?? spec.budget;
  return {
    ...spec,
    ...(data !== undefined && { data }),
    ...(workers !== undefined && { workers }),
    ...(budget !== undefined && { budget }),
    sampler: trials === undefined ? sampler : { ...sampler, size: trials },
  };
}

/** What makes a sweep what it is: where its data lie, how long it goes on and how many trials run at a time may change. */
function hashOfSpec({ data: _, budget: __, workers: ___, sampler, ...spec }: SweepSpec): string {
  const { size: ____, ...lasting } = sampler;
  return hashJson({ ...spec, sampler: lasting });
}

/** The label by which trials name their sweep. */
function sweepId(spec: SweepSpec): string {
  return hashOfSpec(spec).slice(0, 12);
}

function sweepText(spec: SweepSpec, { data, split }: PreparedSweep): string {
  const hash = hashOfSpec(spec);
  const content = {
    schema: 'glisson.sweep/1',
    id: sweepId(spec),
    specHash: hash,
    dataHash: data.dataHash,
    cases: split,
    spec,
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

async function readBegun(paths: SweepPaths) {
  try {
    return JSON.parse(await readFile(paths.spec, 'utf8')) as {
      specHash: string;
      dataHash: string;
      spec: SweepSpec;
    };
  } catch (error) {
    throw new PipelineError('run-invalid', 'The sweep cannot be read.', {
      where: paths.spec,
      found: (error as Error).message,
      expected: 'the sweep.json that glisson sweep wrote',
      advice: 'Start the sweep again with --force.',
      cause: error,
    });
  }
}

/** The design of a sweep stays as it was laid out. */
async function resumedSpec(spec: SweepSpec, paths: SweepPaths): Promise<SweepSpec> {
  const begun = await readBegun(paths);
  if (begun.specHash !== hashOfSpec(spec)) {
    const changed = Object.keys(spec).filter((key) => {
      const name = key as keyof SweepSpec;
      return (
        !['data', 'budget', 'workers'].includes(key) &&
        hashJson(spec[name] ?? null) !== hashJson(begun.spec[name] ?? null)
      );
    });
    throw new PipelineError('run-invalid', 'The sweep cannot be resumed with another file.', {
      where: paths.spec,
      found: `differs in ${changed.join(', ')}`,
      expected: 'the file that it was started with; only data, budget and workers may change',
      advice: 'Resume with that one, or start a new sweep in another folder.',
    });
  }
  const { size: _, ...sampler } = spec.sampler;
  const { size } = begun.spec.sampler;
  return { ...spec, sampler: size === undefined ? sampler : { ...sampler, size } };
}

async function assertSameData(paths: SweepPaths, { data }: PreparedSweep): Promise<void> {
  const { dataHash } = await readBegun(paths);
  if (dataHash === data.dataHash) return;
  throw new PipelineError('run-invalid', 'The data are not those of the sweep.', {
    where: paths.spec,
    found: `data with hash ${data.dataHash.slice(0, 12)}`,
    expected: dataHash.slice(0, 12),
    advice: 'Resume with the data that it was started with, or start a new sweep in another folder.',
  });
}

/** Trials at a time: never more than the cores hold. */
function workersOf({ workers, threads }: SweepSpec): { workers: number; notes: string[] } {
  const cores = availableParallelism();
  const most = Math.max(1, Math.floor(cores / threads));
  if (workers === undefined || workers <= most) return { workers: workers ?? most, notes: [] };
  const note = `Of ${workers} workers with ${threads} thread${threads === 1 ? '' : 's'} each, ${most} ran: this machine has ${cores} cores.`;
  return { workers: most, notes: [note] };
}

/** Prepares the scans once, so that the first trials do not all do the same work. */
async function warmCache(
  prepared: PreparedSweep,
  spec: SweepSpec,
  cache: string,
  control: TaskControl,
): Promise<void> {
  const plan = await prepared.planAt(buildPoint(spaceOf(spec), (dimension) => settingAt(dimension, 0)));
  const sides = await prepareSides(prepared.data, plan, cache, { memoryBytes: 0, watchTest: false }, control);
  sides.close();
}

/** By the share of all trials that is done, and by the minutes of the budget: whatever ends first. */
function secondsLeft(
  trials: readonly { readonly share: number }[],
  planned: number | undefined,
  used: number,
  budget: number | undefined,
): number | undefined {
  const done = trials.reduce((sum, { share }) => sum + share, 0);
  const byTrials = planned === undefined || done < 0.2 ? undefined : (used / done) * (planned - done);
  if (byTrials === undefined || budget === undefined) return byTrials ?? budget;
  return Math.min(byTrials, budget);
}

function nothingFinished(paths: SweepPaths, { trials }: SweepResult): PipelineError {
  const fault = trials.find(({ error }) => error !== undefined)?.error;
  return new PipelineError('training-failed', 'No trial of the sweep has a result.', {
    where: paths.report,
    found: fault === undefined ? 'validation patients without a lesion' : fault.message,
    expected: 'at least one trial that finishes, and lesions to validate on',
  });
}
