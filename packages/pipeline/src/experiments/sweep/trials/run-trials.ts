import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { EpochMetrics } from '../../../train/metrics.ts';
import { runPaths } from '../../../train/run-folder.ts';
import type { DecisionLog, EndedTrial } from '../decisions.ts';
import { trialFields } from '../prepare-sweep.ts';
import { gridPoints } from '../samplers/grid.ts';
import { samplerOf } from '../samplers/samplers.ts';
import type { Point } from '../space/dimension.ts';
import type { Objective } from '../spec/spec-schema.ts';
import { type SweepSpec, spaceOf } from '../spec/sweep-spec.ts';
import type { SweepPaths } from '../sweep-folder.ts';
import { goesOn, isRung } from './asha.ts';
import type { BudgetClock } from './budget-clock.ts';
import { waitUntilFree } from './free-run.ts';
import type { TrialOptions, TrialSummary } from './messages.ts';
import type { TrialBoard } from './trial-board.ts';
import { runTrialProcess } from './trial-process.ts';

/** What the parts of a sweep share while its trials run. */
export interface TrialJob {
  /** By which trials name their sweep. */
  readonly id: string;
  readonly spec: SweepSpec;
  readonly paths: SweepPaths;
  readonly cache: string;
  readonly workers: number;
  readonly decisions: DecisionLog;
  readonly board: TrialBoard;
  readonly clock: BudgetClock;
  /** Something has changed that a watcher may want to see. */
  onChange(): void;
  /** For the log, with the time. */
  onEvent(event: string, details: object): Promise<void>;
}

/** Trials that there will be, as far as that can be known. */
export function plannedTrials(spec: SweepSpec): number | undefined {
  const { trials } = spec.budget;
  if (spec.sampler.name !== 'grid') return trials;
  return Math.min(trials ?? Infinity, gridPoints(spaceOf(spec)).length);
}

/**
 * Runs trials until the budget is used up or the space is: first those that an earlier sitting left open, then new ones, each in a
 * process of its own. One that fails is recorded and the others go on.
 * @throws the signal's reason when cancelled; what cannot be written. All processes are gone by then
 */
export async function runTrials(job: TrialJob, signal?: AbortSignal): Promise<void> {
  const { board, clock, workers, spec } = job;
  const inner = new AbortController();
  const both = signal === undefined ? inner.signal : AbortSignal.any([signal, inner.signal]);
  const waiting = board.open.map(({ trial, point }) => ({ trial, point }));
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const limit = plannedTrials(spec) ?? Infinity;

  const begin = async (): Promise<{ trial: number; point: Point } | undefined> => {
    const left = waiting.shift();
    if (left !== undefined) return left;
    if (clock.isOver() || board.trials.length >= limit) return undefined;
    return propose(job);
  };
  try {
    for (;;) {
      both.throwIfAborted();
      while (running.size < workers) {
        const next = await begin();
        if (next === undefined) break;
        const work: Promise<void> = runTrial(job, next.trial, next.point, both)
          .catch((error: unknown) => failures.push(error))
          .then(() => void running.delete(work));
        running.add(work);
      }
      if (running.size === 0) return;
      await Promise.race(running);
      if (failures.length > 0) throw failures[0];
    }
  } catch (error) {
    inner.abort(error);
    await Promise.allSettled(running);
    throw error;
  }
}

/** The next trial, recorded; undefined when the space has no more. */
async function propose(job: TrialJob): Promise<{ trial: number; point: Point } | undefined> {
  const { spec, board } = job;
  const { name, startup, seed, size } = spec.sampler;
  const trial = board.trials.length + 1;
  const { known, taken } = board;
  const proposal = samplerOf(name, startup)({ space: spaceOf(spec), seed, size, trial, taken, known });
  if (proposal === undefined) return undefined;
  const { point, by } = proposal;
  // Designs and draws know nothing of the others.
  const learnedFrom = by === 'tpe' ? known.map((observation) => observation.trial) : [];
  await decide(job, { kind: 'trial', trial, point, by, known: learnedFrom });
  return { trial, point };
}

async function decide(job: TrialJob, decision: Parameters<DecisionLog['add']>[0]): Promise<void> {
  await job.decisions.add(decision);
  job.board.apply(decision);
  job.onChange();
}

async function runTrial(job: TrialJob, trial: number, point: Point, signal: AbortSignal): Promise<void> {
  const { board, paths } = job;
  const folder = paths.trial(trial);
  const { plan, lock } = runPaths(folder);
  await waitUntilFree(lock, signal);
  const resume = existsSync(plan);
  // Killed before its plan was there: nothing is lost with it.
  if (!resume) await rm(folder, { recursive: true, force: true });
  board.running(trial);
  job.onChange();
  await job.onEvent(resume ? 'trial resumed' : 'trial started', { trial });
  const outcome = await runTrialProcess(
    trialOptions(job, trial, point, folder, resume),
    {
      onProgress: (progress) => {
        board.progress(trial, progress);
        job.onChange();
      },
      onEpoch: (epoch) => decideEpoch(job, trial, epoch),
    },
    signal,
  );
  const ended: EndedTrial =
    outcome.kind === 'finished'
      ? finishedTrial(job, trial, outcome.summary)
      : { ...noResult, kind: 'ended', trial, state: 'failed', error: outcome.fault };
  await decide(job, ended);
  await job.onEvent('trial ended', { trial, state: ended.state });
}

function trialOptions(
  job: TrialJob,
  trial: number,
  point: Point,
  out: string,
  resume: boolean,
): TrialOptions {
  const { spec, cache } = job;
  const label = String(point.recipe ?? Object.keys(spec.recipes)[0]);
  return {
    data: spec.data,
    recipe: spec.recipes[label]!.recipe,
    out,
    set: trialFields(spec, point),
    ...spec.split,
    threads: spec.threads,
    cache,
    resume,
    command: `glisson sweep, trial ${trial}`,
    sweep: { id: job.id, trial },
  };
}

/** Answers a trial that has ended an epoch; asked again after a kill, it answers the same. */
async function decideEpoch(job: TrialJob, trial: number, metrics: EpochMetrics): Promise<boolean> {
  const { spec, board, clock } = job;
  const { epoch } = metrics;
  const before = board.answerAt(trial, epoch);
  if (before !== undefined) return before;
  const score = objectiveOf(spec.objective, metrics) ?? 0;
  const base = { kind: 'epoch', trial, epoch, score } as const;
  await job.onEvent('epoch', { trial, epoch });
  if (clock.isOver()) {
    await decide(job, { ...base, goOn: false, by: 'budget' });
    return false;
  }
  if (spec.stopping === null || !isRung(spec.stopping, epoch)) {
    await decide(job, { ...base, goOn: true });
    return true;
  }
  const others = board.othersUpTo(trial, epoch);
  const best = Math.max(score, board.bestUpTo(trial, epoch - 1) ?? -Infinity);
  const goOn = goesOn(best, Object.values(others), spec.stopping.factor);
  await decide(job, { ...base, goOn, by: 'asha', others });
  return goOn;
}

interface Scores {
  readonly liverDice: number | null;
  readonly lesionDice: number | null;
}

/** What a sweep maximises; null where there is nothing to score. */
export function objectiveOf(objective: Objective, { liverDice, lesionDice }: Scores): number | null {
  if (objective !== 'score') return objective === 'lesionDice' ? lesionDice : liverDice;
  const values = [liverDice, lesionDice].filter((value) => value !== null);
  return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
}

const noResult = {
  objective: null,
  liverDice: null,
  lesionDice: null,
  bestEpoch: null,
  steps: null,
  planHash: null,
} as const;

function finishedTrial(job: TrialJob, trial: number, summary: TrialSummary): EndedTrial {
  const { validation, bestEpoch, steps, planHash } = summary;
  const { liverDice, lesionDice } = validation;
  const last = job.board.trials.find((row) => row.trial === trial)!;
  const isEarly = job.board.answerAt(trial, last.epoch) === false;
  return {
    kind: 'ended',
    trial,
    state: isEarly ? 'stopped early' : 'finished',
    objective: objectiveOf(job.spec.objective, validation),
    liverDice,
    lesionDice,
    bestEpoch,
    steps,
    planHash,
  };
}
