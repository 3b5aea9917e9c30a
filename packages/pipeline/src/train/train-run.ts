import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeFileWhole } from '@glisson/imaging/files/whole-files';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import type { Finding } from '@glisson/imaging/volume/scan';
import { unet2d } from '@glisson/nn/models/unet-2d';
import { segmentation } from '@glisson/nn/training/segmentation';
import { createTrainer, type Trainer } from '@glisson/nn/training/trainer';
import { PipelineError } from '../errors/pipeline-error.ts';
import type { Plan } from '../plan/plan.ts';
import { planHash } from '../plan/plan-text.ts';
import { findRecipe } from '../plan/recipes/recipes.ts';
import { parseFields } from '../plan/set-fields.ts';
import { cacheFolder } from '../preprocess/cache-folder.ts';
import { createBatch } from './batch.ts';
import { type CaseIndex, indexCase } from './case-index.ts';
import type { TrainProgress } from './checkpoint.ts';
import { compareEnvironments, describeEnvironment, type Environment } from './environment.ts';
import { finishRun } from './finish-run.ts';
import { openMetrics } from './metrics.ts';
import type { Run } from './run.ts';
import { assertMayRun, type RunPaths, resumeRun, runPaths, startRun, writeLog } from './run-folder.ts';
import { lockRun } from './run-lock.ts';
import { splitByPatient } from './split.ts';
import { trainSteps } from './train-steps.ts';
import { findTrainingData, prepareSides, summariseCases } from './training-data.ts';

export interface TrainOptions {
  /** Folder of labelled scans. */
  readonly data: string;
  readonly recipe: string;
  /** Folder of the run. */
  readonly out: string;
  /** Fields of the plan by dotted name, as text. */
  readonly set?: Readonly<Record<string, string>>;
  /** Patients that choose the checkpoint and the thresholds; default: a fifth, drawn with the seed. */
  readonly validation?: readonly string[];
  /** Patients that training never looks at. */
  readonly test?: readonly string[];
  /** Short for `training.seed`. */
  readonly seed?: number;
  readonly resume?: boolean;
  readonly force?: boolean;
  /** Threads of the engine; default: its own choice. */
  readonly threads?: number;
  /** Where prepared scans are kept; default: see `cacheFolder`. */
  readonly cache?: string;
  /** Checkpoints between those at epoch ends; the result does not depend on it. */
  readonly checkpointEverySteps?: number;
  /** Prepared scans beyond this stay on disk; default 3 GB. */
  readonly memoryBytes?: number;
}

export interface TrainSummary {
  readonly run: string;
  readonly plan: Plan;
  readonly planHash: string;
  /** SHA-256 of model.onnx. */
  readonly modelHash: string;
  readonly steps: number;
  readonly bestEpoch: number;
  readonly bestStep: number;
  /** Dice on all slices of the validation cases at the chosen thresholds, on the prepared grid. */
  readonly validation: {
    readonly liverDice: number | null;
    readonly lesionDice: number | null;
    readonly cases: readonly {
      readonly id: string;
      readonly liverDice: number | null;
      readonly lesionDice: number | null;
    }[];
  };
  readonly seconds: number;
  readonly findings: readonly Finding[];
}

const defaultCheckpointEverySteps = 200;
const defaultMemoryBytes = 3e9;

/**
 * Trains a network and leaves a run: plan, metrics, checkpoints, curve and model.onnx with the plan inside.
 *
 * Reads the data, splits it by patient, writes a plan by the recipe, prepares the scans (cached), trains, validates
 * after each epoch with the averaged weights, keeps the best checkpoint, and at the end chooses the thresholds on all
 * slices of the validation cases. Same data, plan, seed, machine and threads: same model, metrics and checkpoints,
 * also when the run was killed and resumed in between.
 * @throws PipelineError, ImagingError (nothing is written before data, split and plan are sound); the signal's reason
 * when cancelled, and then the run can be resumed from its last checkpoint
 */
export async function trainRun(options: TrainOptions, control: TaskControl = {}): Promise<TrainSummary> {
  const started = performance.now();
  const resume = options.resume ?? false;
  const recipe = findRecipe(options.recipe);
  const set = parseFields(withSeed(options));
  const seed = (set.get('training.seed') as number | undefined) ?? 1;
  await assertMayRun(options.out, { resume, force: options.force ?? false });

  const data = await findTrainingData(options.data, control);
  const { validation, test } = options;
  const split = splitByPatient(data.cases, { validation, test, seed });
  const cache = options.cache ?? join(cacheFolder(), 'preprocessed');
  const summaries = await summariseCases(data, split.train, cache, control);
  const plan = recipe({ cases: summaries, dataHash: data.dataHash, split, set });

  const paths = runPaths(resolve(options.out));
  let unlock = resume ? await lockRun(paths.lock) : undefined;
  try {
    const checkpoint = resume ? await resumeRun(paths, plan) : undefined;
    const memoryBytes = options.memoryBytes ?? defaultMemoryBytes;
    const sides = await prepareSides(data, plan, cache, memoryBytes, control);
    try {
      const byLesion = plan.training.lesionDraw === 'lesion';
      const cases = sides.train.map((prepared) => indexCase(prepared, byLesion));
      assertLabelled('training', cases);
      assertLabelled(
        'validation',
        sides.validation.map((prepared) => indexCase(prepared)),
      );

      // All data has been read: from here on, what goes wrong is no longer bad input.
      unlock ??= await lockRun(paths.lock);
      if (checkpoint === undefined) await startRun(paths, plan);
      const changes = await recordStart(paths, checkpoint?.progress.step, options.threads);
      const findings = [
        ...data.findings,
        ...summaries.flatMap((s) => s.findings),
        ...sides.findings,
        ...changes,
      ];
      for (const finding of findings) await writeLog(paths, 'finding', finding);

      const trainer = await openTrainer(plan, cases, options.threads, control.signal);
      try {
        if (checkpoint !== undefined) await trainer.restore(checkpoint.state);
        const progress = checkpoint?.progress ?? firstProgress(plan);
        const metrics = await openMetrics(paths.metrics, progress.metrics);
        const every = options.checkpointEverySteps ?? defaultCheckpointEverySteps;
        const run: Run = { plan, paths, sides, cases, trainer, metrics, threads: options.threads, every };
        await trainSteps(run, progress, control);
        const finished = await finishRun(run, set, control);
        if (finished.validation.lesionDice === null) findings.push(noLesionToValidate(plan));
        const seconds = (performance.now() - started) / 1000;
        await writeLog(paths, 'finished', { seconds });
        return { run: paths.folder, steps: plan.training.steps, ...finished, seconds, findings };
      } catch (error) {
        await writeLog(paths, 'stopped', { reason: (error as Error).message }).catch(() => {});
        throw error;
      } finally {
        await trainer.close();
      }
    } finally {
      sides.close();
    }
  } finally {
    await unlock?.();
  }
}

/** @throws PipelineError `data-invalid` when no case of a side has any label */
function assertLabelled(side: string, cases: readonly CaseIndex[]): void {
  if (cases.some((c) => c.liver.at(-1)! + c.lesion.at(-1)! > 0)) return;
  throw new PipelineError('data-invalid', `Neither liver nor lesion is labelled in the ${side} cases.`, {
    found: `only background in ${cases.map((c) => c.prepared.id).join(', ')}`,
    expected: 'label 1 for liver and 2 for lesion in at least one case',
    advice: 'Check the label images with glisson inspect, or divide the patients otherwise.',
  });
}

/** Writes down where the run goes on; says what is otherwise there than where it began. */
async function recordStart(paths: RunPaths, resumedAt: number | undefined, threads?: number) {
  const environment = await describeEnvironment(threads);
  let began: Environment = environment;
  if (resumedAt === undefined || !existsSync(paths.environment)) {
    await writeFileWhole(paths.environment, `${JSON.stringify(environment, null, 2)}\n`);
  } else {
    began = JSON.parse(await readFile(paths.environment, 'utf8')) as Environment;
  }
  const event = resumedAt === undefined ? 'started' : 'resumed';
  await writeLog(paths, event, { step: resumedAt ?? 0, environment });
  return compareEnvironments(began, environment);
}

function openTrainer(
  plan: Plan,
  cases: readonly CaseIndex[],
  threads: number | undefined,
  signal: AbortSignal | undefined,
): Promise<Trainer> {
  const { training, network } = plan;
  return createTrainer({
    network: unet2d(network),
    imageShape: [training.batchSize, network.inputChannels, training.patchSize[1], training.patchSize[0]],
    loss: segmentation(training.loss),
    optimiser: optimiserOptions(training.optimiser),
    weightAverageDecay: training.weightAverageDecay,
    random: createRandom(training.seed, 'weights'),
    classPriors: classShares(cases, plan),
    threads,
    signal,
  });
}

/** The plan's Adam has decoupled decay. */
function optimiserOptions({ beta1, beta2, epsilon, weightDecay }: Plan['training']['optimiser']) {
  return { name: 'adamw', beta1, beta2, epsilon, weightDecay } as const;
}

function firstProgress(plan: Plan): TrainProgress {
  return { planHash: planHash(plan), step: 0, best: null, metrics: [], pending: { steps: 0, sums: [] } };
}

function noLesionToValidate(plan: Plan): Finding {
  return {
    severity: 'warning',
    code: 'validation-without-lesion',
    message:
      'The validation cases have no lesion: checkpoint and thresholds were chosen without looking at lesions. ' +
      'Name another patient to validate on.',
    where: plan.split.validation.join(', '),
  };
}

function withSeed(options: TrainOptions): Record<string, string> {
  const { set = {}, seed } = options;
  if (seed === undefined) return { ...set };
  if (set['training.seed'] !== undefined && Number(set['training.seed']) !== seed) {
    throw new PipelineError('option-invalid', 'The seed is given twice.', {
      found: `--seed ${seed} and --set training.seed=${set['training.seed']}`,
      advice: 'Give one of them.',
    });
  }
  return { ...set, 'training.seed': String(seed) };
}

/** Batches that class shares are counted on. */
const batchesCounted = 4;

/** Share of each class among the pixels of the first batches: the untrained network starts by predicting these. */
function classShares(cases: readonly CaseIndex[], plan: Plan): number[] {
  const counts = new Array<number>(plan.network.classes).fill(1);
  for (let step = 0; step < batchesCounted; step++) {
    for (const value of createBatch(cases, plan, step).targets) counts[value]!++;
  }
  const total = counts.reduce((a, b) => a + b, 0);
  return counts.map((count) => count / total);
}
