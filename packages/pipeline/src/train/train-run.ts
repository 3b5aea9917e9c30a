import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeFileWhole } from '@glisson/imaging/files/whole-files';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import type { Finding } from '@glisson/imaging/volume/scan';
import { createTrainer } from '@glisson/nn/training/trainer';
import { PipelineError } from '../errors/pipeline-error.ts';
import type { RunCurve } from '../experiments/curves/run-curve.ts';
import { type OpenRunFile, openRunFile } from '../experiments/record/open-run-file.ts';
import type { SweepMembership } from '../experiments/record/run-record.ts';
import { weightsOrigin } from '../experiments/record/weights-origin.ts';
import { hashFile } from '../fingerprint/hash-files.ts';
import { assertFoldsFit } from '../folds/check-folds.ts';
import { readFold } from '../folds/read-fold.ts';
import { type AnyPlan, isPatchPlan } from '../plan/any-plan.ts';
import { fieldsOfPlan } from '../plan/fields-of-plan.ts';
import { planHash } from '../plan/plan-text.ts';
import { patchRecipes, smallStart } from '../plan/recipes/patch-recipes.ts';
import { findRecipe } from '../plan/recipes/recipes.ts';
import { parseFields } from '../plan/set-fields.ts';
import { cacheFolder } from '../preprocess/cache-folder.ts';
import type { TrainProgress } from './checkpoint.ts';
import { compareEnvironments, describeEnvironment, type Environment } from './environment.ts';
import type { ValidationSummary } from './family.ts';
import { finishRun } from './finish-run.ts';
import { assertWeightsOf, namedPatients, patientsOf, readGivenPlan } from './given-plan.ts';
import { type EpochMetrics, openMetrics } from './metrics.ts';
import { patchFamily } from './patches/patch-family.ts';
import { transferWeights } from './patches/transfer-weights.ts';
import type { Run } from './run.ts';
import { assertMayRun, type RunPaths, resumeRun, runPaths, startRun, writeLog } from './run-folder.ts';
import { lockRun } from './run-lock.ts';
import { splitByPatient } from './split.ts';
import { trainSteps } from './train-steps.ts';
import { findTrainingData, prepareSides, summariseCases } from './training-data.ts';
import { unetFamily } from './unet-family.ts';

export interface TrainOptions {
  /** Folder of labelled scans. */
  readonly data: string;
  /** Where the plan starts from; default: `unet-2d`. */
  readonly recipe?: string;
  /**
   * File of a plan to train by, instead of a recipe: all its choices but the thresholds, which are chosen anew; its patients
   * where none are named. `set` changes fields of it.
   */
  readonly plan?: string;
  /** Folder of the run. */
  readonly out: string;
  /** Fields of the plan by dotted name, as text. */
  readonly set?: Readonly<Record<string, string>>;
  /** Patients that choose the checkpoint and the thresholds; default: a fifth, drawn with the seed. */
  readonly validation?: readonly string[];
  /** Patients that training never looks at. */
  readonly test?: readonly string[];
  /** File of folds (see `createFolds`), instead of patients by name; default with `fold`: beside the data. */
  readonly folds?: string;
  /** The fold that is held out, from 1: it validates, or with `innerValidation` it tests. */
  readonly fold?: number;
  /** So many patients of the other folds validate, and the fold tests. */
  readonly innerValidation?: number;
  /** Short for `training.seed`. */
  readonly seed?: number;
  /**
   * Starts small: a few slices of each training case, one slice of each validation case, few steps. For recipes of patches;
   * `set` can still change the numbers.
   */
  readonly startSmall?: boolean;
  /**
   * Scores the held-out patients after each epoch as well, for a curve to look at: nothing is chosen by it. The run says so in
   * its metrics (`watched`), and a held-out patient that was watched is no longer unseen by who reads the curve.
   */
  readonly watchTest?: boolean;
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
  /**
   * Asked after each epoch but the last, when its checkpoint is written, and again when a run is resumed at the end of one. False
   * ends training there, in order: the model is that of the best epoch so far. A run that ended early can be resumed.
   */
  readonly goOn?: (epoch: EpochMetrics) => Promise<boolean>;
  /** Shown the course so far after each epoch, and at the start when a run is resumed. */
  readonly onCurve?: (curve: RunCurve) => void;
  /** For run.json: the command line, the sweep that this is a trial of, and the folds that the patients were taken from. */
  readonly command?: string;
  readonly sweep?: SweepMembership;
  readonly foldsHash?: string;
}

export interface TrainSummary {
  readonly run: string;
  readonly plan: AnyPlan;
  readonly planHash: string;
  /** SHA-256 of model.onnx. */
  readonly modelHash: string;
  /** Steps done: fewer than planned when `goOn` ended the training. */
  readonly steps: number;
  readonly bestEpoch: number;
  readonly bestStep: number;
  /** Dice on all slices of the validation cases at the chosen thresholds, on the prepared grid. */
  readonly validation: ValidationSummary;
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
  const cpu = process.cpuUsage();
  const resume = options.resume ?? false;
  const given = await readGivenPlan(options);
  const recipeName = given?.recipe ?? options.recipe ?? 'unet-2d';
  const recipe = findRecipe(recipeName);
  const set = parseFields(
    {
      ...(given && fieldsOfPlan(given)),
      ...smallFields(recipeName, options.startSmall),
      ...withSeed(options),
    },
    recipe.schema,
  );
  const seed = (set.get('training.seed') as number | undefined) ?? 1;
  const fold = await readFold(options);
  await assertMayRun(options.out, { resume, force: options.force ?? false });

  const data = await findTrainingData(options.data, control);
  if (fold !== undefined) assertFoldsFit(fold.folds, data.cases, fold.file);
  const named = fold?.sides ?? { ...(given && patientsOf(given.split)), ...namedPatients(options) };
  const { validation, test } = named;
  const split = splitByPatient(data.cases, { validation, test, seed });
  const cache = options.cache ?? join(cacheFolder(), 'preprocessed');
  const summaries = await summariseCases(data, split.train, cache, control);
  const weightsFile = set.get('training.transfer.weights') as string | null | undefined;
  const weightsHash = weightsFile ? await hashFile(weightsFile) : undefined;
  assertWeightsOf(given, weightsFile, weightsHash);
  const plan = recipe.plan({ cases: summaries, dataHash: data.dataHash, split, set, weightsHash });

  const paths = runPaths(resolve(options.out));
  let unlock = resume ? await lockRun(paths.lock) : undefined;
  try {
    const checkpoint = resume ? await resumeRun(paths, plan) : undefined;
    const { memoryBytes = defaultMemoryBytes, watchTest = false } = options;
    const sides = await prepareSides(data, plan, cache, { memoryBytes, watchTest }, control);
    try {
      const transferred = isPatchPlan(plan) ? await transferWeights(plan) : undefined;
      const family = isPatchPlan(plan)
        ? await patchFamily(
            plan,
            sides,
            {
              initial: transferred?.weights,
              state: checkpoint?.progress.state,
              cache,
              threads: options.threads,
            },
            control,
          )
        : unetFamily(plan, sides);

      // All data has been read: from here on, what goes wrong is no longer bad input.
      unlock ??= await lockRun(paths.lock);
      if (checkpoint === undefined) await startRun(paths, plan);
      const { environment, changes } = await recordStart(paths, checkpoint?.progress.step, options.threads);
      const { command, sweep } = options;
      const foldsHash = fold?.foldsHash ?? options.foldsHash;
      const transfer = isPatchPlan(plan) ? plan.training.transfer : undefined;
      const isUsed = transferred === undefined || transferred.origin.loaded.length > 0;
      const runFile = await openRunFile(paths.folder, {
        kind: 'train',
        command,
        environment,
        planHash: planHash(plan),
        dataHash: data.dataHash,
        files: Object.fromEntries(data.cases.map(({ id, hash }) => [id, hash])),
        layout: data.layout,
        weights: await weightsOrigin(transfer?.weights ?? null, transfer?.sha256 ?? null, isUsed),
        ...(sweep !== undefined && { sweep }),
        ...(foldsHash !== undefined && { foldsHash }),
        since: started,
        cpu,
        resume,
      });
      const findings = [
        ...data.findings,
        ...summaries.flatMap((s) => s.findings),
        ...sides.findings,
        ...family.findings,
        ...changes,
      ];
      return await recorded(paths, runFile, control, async () => {
        for (const finding of findings) await writeLog(paths, 'finding', finding);
        if (transferred !== undefined) await writeLog(paths, 'weights', transferred.origin);

        const progress = checkpoint?.progress ?? firstProgress(plan);
        const { threads, goOn, onCurve } = options;
        const groups = family.groupsAt(progress.step);
        const trainer = await createTrainer({ ...family.trainer, groups, threads, signal: control.signal });
        try {
          if (checkpoint !== undefined) await trainer.restore(checkpoint.state);
          const metrics = await openMetrics(paths.metrics, progress.metrics);
          const every = options.checkpointEverySteps ?? defaultCheckpointEverySteps;
          const { usage } = runFile;
          const run: Run = {
            plan,
            family,
            paths,
            trainer,
            metrics,
            threads,
            every,
            goOn,
            onCurve,
            watchTest,
            usage,
          };
          const steps = await trainSteps(run, progress, control);
          const finished = await finishRun(run, set, control);
          if (finished.validation.lesionDice === null) findings.push(noLesionToValidate(plan));
          const seconds = (performance.now() - started) / 1000;
          await writeLog(paths, 'finished', { seconds });
          await runFile.end({
            state: 'finished',
            changes: { planHash: finished.planHash },
            contents: ['plan.json', 'metrics.jsonl', 'evaluation.json', 'model.onnx'],
          });
          return { run: paths.folder, steps, ...finished, seconds, findings };
        } finally {
          await family.close();
          await trainer.close();
        }
      });
    } finally {
      sides.close();
    }
  } finally {
    await unlock?.();
  }
}

/** Does the work of a run and writes down how it ended when it ends otherwise than well. */
async function recorded<T>(
  paths: RunPaths,
  runFile: OpenRunFile,
  control: TaskControl,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = (error as Error).message;
    const isStopped = control.signal?.aborted === true;
    await writeLog(paths, 'stopped', { reason }).catch(() => {});
    await runFile
      .end({ state: isStopped ? 'stopped' : 'failed', ...(!isStopped && { error: reason }) })
      .catch(() => {});
    throw error;
  }
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
  return { environment, changes: compareEnvironments(began, environment) };
}

function firstProgress(plan: AnyPlan): TrainProgress {
  return { planHash: planHash(plan), step: 0, best: null, metrics: [], pending: { steps: 0, sums: [] } };
}

function noLesionToValidate(plan: AnyPlan): Finding {
  return {
    severity: 'warning',
    code: 'validation-without-lesion',
    message:
      'The validation cases have no lesion: checkpoint and thresholds were chosen without looking at lesions. ' +
      'Name another patient to validate on.',
    where: plan.split.validation.join(', '),
  };
}

/** Steps of a small beginning: minutes of training. */
const smallSteps = 300;

/** @throws PipelineError `option-invalid` for recipes that cannot start small */
function smallFields(recipe: string, startSmall = false): Record<string, string> {
  if (!startSmall) return {};
  if (!Object.hasOwn(patchRecipes, recipe)) {
    throw new PipelineError('option-invalid', 'This recipe cannot start small.', {
      found: `recipe ${recipe}`,
      expected: `one of ${Object.keys(patchRecipes).join(', ')}`,
      advice: 'Set fewer training.steps instead.',
    });
  }
  return {
    'training.small.trainingSlices': String(smallStart.trainingSlices),
    'training.small.validationSlices': String(smallStart.validationSlices),
    'training.steps': String(smallSteps),
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
