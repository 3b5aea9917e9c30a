import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { writeFileWhole } from '@glisson/imaging/files/whole-files';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import type { Finding } from '@glisson/imaging/volume/scan';
import { NetworkError } from '@glisson/nn/errors/network-error';
import { unet2d } from '@glisson/nn/models/unet-2d';
import { createPredictor } from '@glisson/nn/runtime/predictor';
import { createTrainer, type Trainer } from '@glisson/nn/training/trainer';
import { PipelineError } from '../errors/pipeline-error.ts';
import type { Plan } from '../plan/plan.ts';
import { planHash, planText } from '../plan/plan-text.ts';
import { findRecipe } from '../plan/recipes/recipes.ts';
import { type FieldValues, parseFields } from '../plan/set-fields.ts';
import { cacheFolder } from '../preprocess/cache-folder.ts';
import { type Batch, createBatch } from './batch.ts';
import { type CaseIndex, indexCase } from './case-index.ts';
import { readCheckpoint, type TrainProgress, writeCheckpoint } from './checkpoint.ts';
import { chooseThreshold } from './choose-threshold.ts';
import { curveSvg } from './curve-svg.ts';
import { describeEnvironment } from './environment.ts';
import { type MetricsLog, openMetrics } from './metrics.ts';
import { assertMayRun, type RunPaths, resumeRun, runPaths, startRun, writeLog } from './run-folder.ts';
import { learningRateAt } from './schedule.ts';
import { type CaseProbabilities, diceAt, meanOf, scoreSlices, slicesOfCases } from './score-slices.ts';
import { splitByPatient } from './split.ts';
import { findTrainingData, type PreparedSides, prepareSides, summariseCases } from './training-data.ts';

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

/** Steps that a line of metrics.jsonl averages. */
const stepsPerLine = 10;
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
  const checkpoint = resume ? await resumeRun(paths, plan) : undefined;
  const memoryBytes = options.memoryBytes ?? defaultMemoryBytes;
  const sides = await prepareSides(data, plan, cache, memoryBytes, control);

  // All data has been read: from here on, what goes wrong is no longer bad input.
  if (checkpoint === undefined) await startRun(paths, plan);
  const environment = await describeEnvironment(options.threads);
  if (checkpoint === undefined || !existsSync(paths.environment)) {
    await writeFileWhole(paths.environment, `${JSON.stringify(environment, null, 2)}\n`);
  }
  await writeLog(paths, checkpoint === undefined ? 'started' : 'resumed', {
    step: checkpoint?.progress.step ?? 0,
    environment,
  });
  const findings = [...data.findings, ...summaries.flatMap((s) => s.findings), ...sides.findings];
  for (const finding of findings) await writeLog(paths, 'finding', finding);

  const { training, network } = plan;
  const cases = sides.train.map(indexCase);
  const trainer = await createTrainer({
    network: unet2d(network),
    batchSize: training.batchSize,
    height: training.patchSize[1],
    width: training.patchSize[0],
    loss: training.loss,
    optimiser: training.optimiser,
    weightAverageDecay: training.weightAverageDecay,
    random: createRandom(training.seed, 'weights'),
    classPriors: classShares(cases, plan),
    threads: options.threads,
    signal: control.signal,
  });
  try {
    if (checkpoint !== undefined) await trainer.restore(checkpoint.state);
    const progress: TrainProgress = checkpoint?.progress ?? {
      planHash: planHash(plan),
      step: 0,
      best: null,
      metrics: [],
      pending: { steps: 0, sums: [] },
    };
    const metrics = await openMetrics(paths.metrics, progress.metrics);
    const every = options.checkpointEverySteps ?? defaultCheckpointEverySteps;
    const run: Run = { plan, paths, sides, cases, trainer, metrics, threads: options.threads, every };
    await trainSteps(run, progress, control);
    const finished = await finishRun(run, set, control);
    if (finished.validation.lesionDice === null) findings.push(noLesionToValidate(plan));
    const seconds = (performance.now() - started) / 1000;
    await writeLog(paths, 'finished', { seconds });
    return { run: paths.folder, steps: training.steps, ...finished, seconds, findings };
  } catch (error) {
    await writeLog(paths, 'stopped', { reason: (error as Error).message }).catch(() => {});
    throw error;
  } finally {
    sides.close();
    await trainer.close();
  }
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

/** What the parts of a run share. */
interface Run {
  readonly plan: Plan;
  readonly paths: RunPaths;
  readonly sides: PreparedSides;
  readonly cases: readonly CaseIndex[];
  readonly trainer: Trainer;
  readonly metrics: MetricsLog;
  readonly threads: number | undefined;
  /** Steps between checkpoints. */
  readonly every: number;
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

/** The loop: the engine computes a step in its own thread while the next batch is cut here. */
async function trainSteps(run: Run, begin: TrainProgress, control: TaskControl): Promise<void> {
  const { plan, paths, trainer, metrics, cases } = run;
  const { training } = plan;
  let { best, pending } = begin;
  let lastScore = '';
  let batch = begin.step < training.steps ? createBatch(cases, plan, begin.step) : undefined;

  for (let step = begin.step; step < training.steps; step++) {
    control.signal?.throwIfAborted();
    const learningRate = learningRateAt(training, step);
    const { result, next } = await stepAndPrefetch(trainer, batch!, learningRate, cases, plan, step + 1);
    batch = next;
    const done = step + 1;

    const sums = [result.loss, result.crossEntropy, ...result.dice];
    pending = {
      steps: pending.steps + 1,
      sums: sums.map((value, i) => (pending.sums[i] ?? 0) + value),
    };
    if (done % stepsPerLine === 0 || done === training.steps) {
      const [loss, crossEntropy, ...softDice] = pending.sums.map((sum) => round(sum / pending.steps));
      await metrics.add({
        kind: 'steps',
        step: done,
        loss: loss!,
        crossEntropy: crossEntropy!,
        softDice,
        learningRate,
      });
      pending = { steps: 0, sums: [] };
    }
    control.onProgress?.({
      stage: 'train',
      done,
      total: training.steps,
      unit: 'steps',
      note: `loss ${result.loss.toFixed(3)}${lastScore}`,
    });

    const epochEnds = done % training.stepsPerEpoch === 0 || done === training.steps;
    if (epochEnds) {
      const epoch = Math.ceil(done / training.stepsPerEpoch);
      const scores = await validate(run, epoch, done, control);
      const isBest = best === null || scores.score > best.score;
      if (isBest) best = { epoch, step: done, score: scores.score };
      await metrics.add({ kind: 'epoch', epoch, step: done, ...scores, best: isBest });
      lastScore = `, Dice liver ${shown(scores.liverDice)}, lesion ${shown(scores.lesionDice)}`;
      await writeFileWhole(paths.curve, curveSvg(metrics.all(), training.steps));
      await writeLog(paths, 'epoch', { epoch, step: done, ...scores });
    }
    if (epochEnds || done % run.every === 0) {
      const progress = { planHash: begin.planHash, step: done, best, metrics: [...metrics.lines], pending };
      const state = await trainer.snapshot();
      // Best first: a kill between the two repeats the steps since `last`, and writes the same `best` again.
      if (best?.step === done) await writeCheckpoint(paths.best, state, progress);
      await writeCheckpoint(paths.last, state, progress);
    }
  }
}

async function stepAndPrefetch(
  trainer: Trainer,
  batch: Batch,
  learningRate: number,
  cases: readonly CaseIndex[],
  plan: Plan,
  nextStep: number,
) {
  const running = trainer.step({ ...batch, learningRate });
  // Should the next batch fail, the step's own outcome must not go unhandled.
  running.catch(() => {});
  const next = nextStep < plan.training.steps ? createBatch(cases, plan, nextStep) : undefined;
  try {
    return { result: await running, next };
  } catch (error) {
    throw error instanceof NetworkError && error.code === 'not-finite' ? diverged(nextStep, error) : error;
  }
}

function diverged(step: number, cause: NetworkError): PipelineError {
  return new PipelineError('training-failed', 'Training has diverged: the loss is no longer a number.', {
    where: `step ${step}`,
    found: cause.message,
    expected: 'a finite loss',
    advice:
      'Start again with a smaller training.optimiser.learningRate (a tenth, say) or more training.schedule.warmupSteps.',
    cause,
  });
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

function round(value: number): number {
  return Number(value.toPrecision(7));
}

function shown(dice: number | null): string {
  return dice === null ? 'none' : dice.toFixed(3);
}

/** Runs `use` with a predictor of the weights as they are now: averaged, when the plan averages them. */
async function withPredictor<T>(
  run: Run,
  control: TaskControl,
  use: (predictor: Awaited<ReturnType<typeof createPredictor>>) => Promise<T>,
): Promise<T> {
  const averaged = run.plan.training.weightAverageDecay > 0;
  const model = await run.trainer.exportModel({ averaged, metadata: {} });
  const predictor = await createPredictor(model, { threads: run.threads, signal: control.signal });
  try {
    return await use(predictor);
  } finally {
    await predictor.close();
  }
}

/**
 * Dice after an epoch: mean over validation cases, on slices spread evenly over them, at the plan's thresholds.
 * It reports as part of the stage `train`, so that rate and time left count it in.
 */
async function validate(run: Run, epoch: number, step: number, control: TaskControl) {
  const { plan, sides } = run;
  const inner: TaskControl = {
    signal: control.signal,
    onProgress: ({ done, total }) =>
      control.onProgress?.({
        stage: 'train',
        done: step,
        total: plan.training.steps,
        unit: 'steps',
        note: `epoch ${epoch}: scoring slice ${done} of ${total}`,
      }),
  };
  const slices = slicesOfCases(sides.validation, plan.training.validationSlices);
  const counts = await withPredictor(run, control, (predictor) =>
    scoreSlices(predictor, sides.validation, slices, plan, 'validate', inner),
  );
  const dice = diceOf(counts, plan.postprocess);
  return { ...dice, score: round(meanOf([dice.liverDice, dice.lesionDice]) ?? 0) };
}

interface Thresholds {
  readonly liverThreshold: number;
  readonly lesionThreshold: number;
}

function diceOf(cases: readonly CaseProbabilities[], { liverThreshold, lesionThreshold }: Thresholds) {
  const rounded = (value: number | null) => (value === null ? null : round(value));
  return {
    liverDice: rounded(meanOf(cases.map((c) => diceAt(c.liver, liverThreshold)))),
    lesionDice: rounded(meanOf(cases.map((c) => diceAt(c.lesion, lesionThreshold)))),
  };
}

/** Goes back to the best checkpoint, chooses the thresholds unless they were set, and writes the model. */
async function finishRun(run: Run, set: FieldValues, control: TaskControl) {
  const { paths, sides, trainer } = run;
  const { state, progress } = await readCheckpoint(paths.best);
  await trainer.restore(state);
  const everySlice = slicesOfCases(sides.validation, Number.POSITIVE_INFINITY);
  const counts = await withPredictor(run, control, (predictor) =>
    scoreSlices(predictor, sides.validation, everySlice, run.plan, 'choose thresholds', control),
  );
  const choose = (organ: 'liver' | 'lesion') => {
    const planned = run.plan.postprocess[`${organ}Threshold`];
    if (set.has(`postprocess.${organ}Threshold`)) return planned;
    return chooseThreshold(
      counts.map((c) => c[organ]),
      planned,
    ).threshold;
  };
  const thresholds = { liverThreshold: choose('liver'), lesionThreshold: choose('lesion') };
  const plan: Plan = { ...run.plan, postprocess: { ...run.plan.postprocess, ...thresholds } };
  const validation = {
    ...diceOf(counts, thresholds),
    cases: counts.map((c) => ({ id: c.id, ...diceOf([c], thresholds) })),
  };

  const text = planText(plan);
  const averaged = plan.training.weightAverageDecay > 0;
  const model = await trainer.exportModel({ averaged, metadata: { 'glisson.plan': text } });
  const best = progress.best!;
  const evaluation = {
    schema: 'glisson.validation/1',
    grid: 'prepared',
    slices: 'all',
    ...thresholds,
    bestEpoch: best.epoch,
    ...validation,
  };
  await writeFileWhole(paths.evaluation, `${JSON.stringify(evaluation, null, 2)}\n`);
  await writeFileWhole(paths.curve, curveSvg(run.metrics.all(), plan.training.steps));
  await writeFileWhole(paths.model, model);
  await writeFileWhole(paths.plan, text);
  const modelHash = createHash('sha256').update(model).digest('hex');
  return {
    plan,
    planHash: planHash(plan),
    modelHash,
    bestEpoch: best.epoch,
    bestStep: best.step,
    validation,
  };
}
