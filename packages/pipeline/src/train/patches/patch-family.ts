import type { TaskControl } from '@glisson/imaging/progress/progress';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import { denseNetwork } from '@glisson/nn/dense/dense-network';
import { classification } from '@glisson/nn/training/classification';
import { exportModel } from '@glisson/nn/training/export-model';
import type { Weights } from '@glisson/nn/training/weights';
import { PipelineError } from '../../errors/pipeline-error.ts';
import { offCentreFinding } from '../../patches/off-centre.ts';
import { patchNetwork } from '../../patches/patch-network.ts';
import type { PatchPlan } from '../../plan/patch-plan.ts';
import { type DenseTrunk, denseTrunk } from '../../predict/patches/dense-trunk.ts';
import { openWindowScorer, scorerMode } from '../../predict/patches/open-scorer.ts';
import type { WindowScorer } from '../../predict/patches/window-scorer.ts';
import type { PreparedCase } from '../../preprocess/prepared-case.ts';
import { chooseThreshold } from '../choose-threshold.ts';
import type { TrainerParts, TrainingFamily, TrainingRun, ValidationSummary } from '../family.ts';
import { classificationLossOf, type LossSums } from '../loss-sums.ts';
import { optimiserOptions } from '../optimiser-options.ts';
import { round } from '../run.ts';
import { diceAt, meanOf, slicesOfCases, spreadSlices } from '../score-slices.ts';
import type { PreparedSides } from '../training-data.ts';
import { createFeatureBatch, type FeaturePool, featuresOfStep, openFeaturePool } from './feature-pool.ts';
import { type HardNegative, hardOfNumbers, hardToNumbers, mineHardNegatives } from './hard-negatives.ts';
import { assertGroups, groupsAt, groupsWithin } from './layer-groups.ts';
import { createPatchBatch, describePatchBatch } from './patch-batch.ts';
import { chooseSlices, openLabelledScan, openPatchCase, type PatchCase } from './patch-case.ts';
import {
  countLesionProbabilities,
  diceByThreshold,
  patchThresholds,
  type ScoredCase,
} from './score-patches.ts';
import { createWindowBatch, windowsSide } from './window-batch.ts';

export interface PatchFamilyOptions {
  /** First weights, where not all are drawn. */
  readonly initial?: Weights;
  /** `TrainingFamily.state` of the checkpoint that the run goes on from. */
  readonly state?: readonly number[];
  /** Where features are kept, for plans that keep them. */
  readonly cache: string;
  readonly threads?: number;
}

/**
 * Training of classifiers of patches. Where the plan keeps features they are made here, and only the head is trained.
 * @throws PipelineError `data-invalid` when no training case has a lesion in reach, `option-invalid` when patches do not fit,
 * when groups name no layer, or when the network cannot be made dense
 */
export async function patchFamily(
  plan: PatchPlan,
  sides: PreparedSides,
  { initial, state, cache, threads }: PatchFamilyOptions,
  control: TaskControl = {},
): Promise<TrainingFamily> {
  const { training, network: networkPlan, preprocess } = plan;
  const network = patchNetwork(networkPlan);
  const { patchSize, batchSize, small } = training;
  const imageShape = [batchSize, networkPlan.inputChannels, patchSize, patchSize];
  scorerMode(plan);
  assertGroups(plan, network, imageShape);

  const openCases = () => {
    const opened = sides.train.map((prepared) => openPatchCase(prepared, plan, small?.trainingSlices));
    assertLesions(opened, training.stride);
    return opened;
  };
  const first = {
    random: createRandom(training.seed, 'weights'),
    classPriors: priorsOf(training.sampling.lesion),
    ...(initial !== undefined && { initial }),
  };
  const pool = training.features
    ? await openFeaturePool(plan, { first, cache, threads, cases: openCases }, control)
    : undefined;
  const cases = pool === undefined ? openCases() : [];
  const isDense = (training.windows ?? 1) > 1;
  const ways = pool !== undefined ? ofFeatures(pool) : isDense ? ofWindows(cases) : ofPatches(cases);
  const scoredCase = (prepared: PreparedCase): ScoredCase => ({
    prepared,
    scan: openLabelledScan(prepared, plan),
    slices: chooseSlices(prepared, small?.validationSlices),
  });
  const slicesOf = (scored: readonly ScoredCase[]) =>
    slicesOfCases(
      scored.map(({ prepared }) => prepared),
      training.validationSlices,
    ).map((spread, c) => {
      const { slices } = scored[c]!;
      return spreadSlices(slices.length, spread.length).map((n) => slices[n]!);
    });
  const validation = sides.validation.map(scoredCase);
  const held = sides.test.map(scoredCase);
  let hard: HardNegative[] = hardOfNumbers(state ?? []);
  const averaged = training.weightAverageDecay > 0;

  const withScorer = async <T>(
    run: TrainingRun,
    control: TaskControl,
    use: (s: WindowScorer) => Promise<T>,
  ) => {
    const weights = await ways.weights(run);
    const options = { threads: run.threads, signal: control.signal };
    const scorer = await openWindowScorer(plan, weights, options, ways.trunk);
    try {
      return await use(scorer);
    } finally {
      await scorer.close();
    }
  };

  const countsOf = (scored: readonly ScoredCase[], run: TrainingRun, control: TaskControl) =>
    withScorer(run, control, (scorer) =>
      countLesionProbabilities(scorer, scored, slicesOf(scored), plan, control),
    );
  const lossOf = (losses: readonly LossSums[]) => {
    const loss = classificationLossOf(losses, priorsOf(training.sampling.lesion), training.classWeights);
    return loss === null ? null : round(loss);
  };

  return {
    trainer: {
      loss: classification({ classWeights: training.classWeights }),
      optimiser: optimiserOptions(training.optimiser),
      weightAverageDecay: training.weightAverageDecay,
      seed: training.seed,
      ...ways.trainer,
    },
    findings: [...offCentreFinding(plan), ...(pool?.findings ?? [])],
    groupsAt: ways.groupsAt,
    createBatch: ways.createBatch,
    describeBatch: ways.describeBatch,
    numbersOf: ({ loss, parts }) => [loss, ...parts.accuracy!],
    lineOf: (step, [loss, accuracy], learningRate) => ({
      kind: 'steps',
      step,
      loss: loss!,
      accuracy: accuracy!,
      learningRate,
    }),
    /** Mean lesion Dice over cases on spread slices, at the threshold that is best for this epoch. */
    validate: async (run, control) => {
      const { counts, losses } = await countsOf(validation, run, control);
      const { threshold, dice } = chooseThreshold(
        counts,
        plan.postprocess.lesionThreshold,
        patchThresholds,
        // Trained on far more lesion than there is, a classifier is near 0 at the planned threshold whatever it has learnt.
        0,
      );
      const lesionDice = dice === null ? null : round(dice);
      return {
        liverDice: null,
        lesionDice,
        lesionThreshold: threshold,
        score: lesionDice ?? 0,
        validationLoss: lossOf(losses),
      };
    },
    watch: async (run, { lesionThreshold = plan.postprocess.lesionThreshold }, control) => {
      const { counts, losses } = await countsOf(held, run, control);
      const dice = meanOf(counts.map((c) => diceAt(c, lesionThreshold)));
      const lesionDice = dice === null ? null : round(dice);
      return {
        liverDice: null,
        lesionDice,
        lesionThreshold,
        score: lesionDice ?? 0,
        validationLoss: lossOf(losses),
      };
    },
    afterEpoch: async (run, epoch, control) => {
      const { everyEpochs } = training.hardNegatives;
      if (everyEpochs === 0 || epoch % everyEpochs !== 0) return false;
      hard = await withScorer(run, control, (scorer) =>
        mineHardNegatives(cases, plan, scorer, epoch, control),
      );
      return true;
    },
    get state() {
      return hardToNumbers(hard);
    },
    finish: async (run, set, control) => {
      const planned = plan.postprocess.lesionThreshold;
      const isSet = set.has('postprocess.lesionThreshold');
      const thresholds = isSet ? [planned] : [...new Set([planned, ...patchThresholds])];
      const scores = await withScorer(run, control, async (scorer) => {
        const list: (number[] | null)[] = [];
        for (const one of validation)
          list.push(await diceByThreshold(scorer, one, thresholds, plan, control));
        return list;
      });
      const means = thresholds.map((_, t) => meanOf(scores.map((dice) => dice?.[t] ?? null)));
      const best = bestThreshold(thresholds, means);
      const lesionThreshold = thresholds[best]!;
      const chosen = { ...plan, postprocess: { ...plan.postprocess, lesionThreshold } };
      const rounded = (value: number | null | undefined) => (value == null ? null : round(value));
      const summary: ValidationSummary = {
        liverDice: null,
        lesionDice: rounded(means[best]),
        cases: validation.map(({ prepared }, c) => ({
          id: prepared.id,
          liverDice: null,
          lesionDice: rounded(scores[c]?.[best]),
        })),
      };
      return {
        plan: chosen,
        thresholds: { lesionThreshold },
        validation: summary,
        exportModel: async (text) =>
          exportModel({
            network,
            weights: await ways.weights(run),
            imageShape,
            named: true,
            metadata: { 'glisson.plan': text },
          }),
      };
    },
    close: async () => ways.trunk?.close(),
  };

  /** The whole network learns, on patches drawn for each step. */
  function ofPatches(opened: readonly PatchCase[]): Ways {
    return {
      trainer: { network, imageShape, ...first },
      trunk: undefined,
      weights: (run) => run.trainer.weights({ averaged }),
      groupsAt: (step) => groupsAt(plan, step),
      createBatch: (step) => createPatchBatch(opened, hard, plan, step),
      describeBatch: (step) => describePatchBatch(opened, hard, plan, step),
    };
  }

  /** The whole network learns in its dense form, on parts of slices that hold many windows. */
  function ofWindows(opened: readonly PatchCase[]): Ways {
    const side = windowsSide(plan);
    const { outputStride } = plan.inference;
    return {
      ...ofPatches(opened),
      trainer: {
        network: denseNetwork(network, { patchSize: [patchSize, patchSize], outputStride }),
        imageShape: [batchSize, networkPlan.inputChannels, side, side],
        ...first,
      },
      createBatch: (step) => createWindowBatch(opened, hard, plan, step),
    };
  }

  /** What follows the frozen layers learns, on features drawn once. */
  function ofFeatures(kept: FeaturePool): Ways {
    const { head, shape, headWeights, weights } = kept;
    const featureShape = [batchSize, ...shape];
    return {
      trainer: {
        network: head,
        imageShape: featureShape,
        random: createRandom(training.seed, 'head'),
        initial: headWeights,
      },
      trunk: denseTrunk(weights, (name) => Object.hasOwn(headWeights, name), plan.inference.memoryMB * 1e6),
      weights: async (run) => ({ ...weights, ...(await run.trainer.weights({ averaged })) }),
      groupsAt: (step) => groupsWithin(groupsAt(plan, step), head, featureShape),
      createBatch: (step) => createFeatureBatch(kept, training, step),
      describeBatch: (step) =>
        featuresOfStep(kept.targets.length, batchSize, training.seed, step).map((at) => kept.places[at]!),
    };
  }

  /** @throws PipelineError `data-invalid` */
  function assertLesions(all: readonly PatchCase[], stride: number): void {
    if (all.some(({ counts }) => counts.lesion.at(-1)! > 0)) return;
    throw new PipelineError('data-invalid', 'No lesion is in reach of the training patches.', {
      found: `no pixel of label 2 ${stride === 1 ? 'in the slices' : `among every ${stride}th pixel and row of the slices`}${preprocess.crop === 'none' ? '' : `, cropped to the ${preprocess.crop},`} of ${all.map(({ prepared }) => prepared.id).join(', ')}`,
      expected: 'label 2 for lesion in at least one training case',
      advice:
        stride === 1
          ? 'Check the label images with glisson inspect, or divide the patients otherwise.'
          : 'Set a smaller training.stride, check the label images with glisson inspect, or divide the patients otherwise.',
    });
  }
}

/** What differs between training on patches, in the dense form, and a head on features. */
interface Ways extends Pick<TrainingFamily, 'groupsAt' | 'createBatch' | 'describeBatch'> {
  readonly trainer: Pick<TrainerParts, 'network' | 'imageShape' | 'random' | 'initial' | 'classPriors'>;
  /** Keeps what the frozen layers make of whole slices. */
  readonly trunk: DenseTrunk | undefined;
  /** Of the whole network, as they are now: averaged, when the plan averages them. */
  weights(run: TrainingRun): Promise<Weights>;
}

/** The first of the best, counted from the one nearest to 0.5; the planned one (the first) where there is nothing to choose by. */
function bestThreshold(thresholds: readonly number[], means: readonly (number | null)[]): number {
  let best = 0;
  const nearestFirst = [...thresholds.keys()].sort(
    (a, b) => Math.abs(thresholds[a]! - 0.5) - Math.abs(thresholds[b]! - 0.5),
  );
  for (const t of nearestFirst) if ((means[t] ?? 0) > (means[best] ?? 0) + 1e-12) best = t;
  return best;
}

/** Shares of the two classes in a batch; no share is 0, since its logarithm is the first bias. */
function priorsOf(lesion: number): [number, number] {
  const share = Math.min(0.99, Math.max(0.01, lesion));
  return [1 - share, share];
}
