import type { TaskControl } from '@glisson/imaging/progress/progress';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import { NetworkError } from '@glisson/nn/errors/network-error';
import { classification } from '@glisson/nn/training/classification';
import { declarationsOf } from '@glisson/nn/training/declarations';
import { type ParameterGroup, treatmentsOf } from '@glisson/nn/training/groups';
import type { Weights } from '@glisson/nn/training/weights';
import { PipelineError } from '../../errors/pipeline-error.ts';
import { offCentreFinding } from '../../patches/off-centre.ts';
import { patchNetwork } from '../../patches/patch-network.ts';
import type { PatchPlan } from '../../plan/patch-plan.ts';
import { openWindowScorer, scorerMode } from '../../predict/patches/open-scorer.ts';
import type { WindowScorer } from '../../predict/patches/window-scorer.ts';
import type { PreparedCase } from '../../preprocess/prepared-case.ts';
import { chooseThreshold } from '../choose-threshold.ts';
import type { TrainingFamily, TrainingRun, ValidationSummary } from '../family.ts';
import { classificationLossOf, type LossSums } from '../loss-sums.ts';
import { optimiserOptions } from '../optimiser-options.ts';
import { round } from '../run.ts';
import { diceAt, meanOf, slicesOfCases, spreadSlices } from '../score-slices.ts';
import type { PreparedSides } from '../training-data.ts';
import { type HardNegative, hardOfNumbers, hardToNumbers, mineHardNegatives } from './hard-negatives.ts';
import { createPatchBatch, describePatchBatch } from './patch-batch.ts';
import { chooseSlices, openLabelledScan, openPatchCase, type PatchCase } from './patch-case.ts';
import {
  countLesionProbabilities,
  diceByThreshold,
  patchThresholds,
  type ScoredCase,
} from './score-patches.ts';

export interface PatchFamilyOptions {
  /** First weights, where not all are drawn. */
  readonly initial?: Weights;
  /** `TrainingFamily.state` of the checkpoint that the run goes on from. */
  readonly state?: readonly number[];
}

/**
 * Training of classifiers of patches.
 * @throws PipelineError `data-invalid` when no training case has a lesion in reach, `option-invalid` when patches do not fit,
 * when groups name no layer, or when the network cannot be made dense
 */
export function patchFamily(
  plan: PatchPlan,
  sides: PreparedSides,
  { initial, state }: PatchFamilyOptions = {},
): TrainingFamily {
  const { training, network: networkPlan, preprocess } = plan;
  const network = patchNetwork(networkPlan);
  const { patchSize, batchSize, small } = training;
  const imageShape = [batchSize, networkPlan.inputChannels, patchSize, patchSize];
  scorerMode(plan);
  assertGroups(plan, imageShape);

  const cases = sides.train.map((prepared) => openPatchCase(prepared, plan, small?.trainingSlices));
  assertLesions(cases, training.stride);
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
    const weights = await run.trainer.weights({ averaged });
    const scorer = await openWindowScorer(plan, weights, { threads: run.threads, signal: control.signal });
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
      network,
      imageShape,
      loss: classification({ classWeights: training.classWeights }),
      optimiser: optimiserOptions(training.optimiser),
      weightAverageDecay: training.weightAverageDecay,
      random: createRandom(training.seed, 'weights'),
      seed: training.seed,
      ...(initial !== undefined && { initial }),
      classPriors: priorsOf(training.sampling.lesion),
    },
    findings: offCentreFinding(plan),
    groupsAt: (step) => groupsAt(plan, step),
    createBatch: (step) => createPatchBatch(cases, hard, plan, step),
    describeBatch: (step) => describePatchBatch(cases, hard, plan, step),
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
      const { threshold, dice } = chooseThreshold(counts, plan.postprocess.lesionThreshold, patchThresholds);
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
        exportModel: (text) =>
          run.trainer.exportModel({ averaged, named: true, metadata: { 'glisson.plan': text } }),
      };
    },
  };

  /** @throws PipelineError `data-invalid` */
  function assertLesions(all: readonly PatchCase[], stride: number): void {
    if (all.some(({ counts }) => counts.lesion.at(-1)! > 0)) return;
    throw new PipelineError('data-invalid', 'No lesion is in reach of the training patches.', {
      found: `no pixel of label 2 on every ${stride === 1 ? '' : `${stride}th `}pixel of the ${preprocess.crop === 'none' ? 'slices' : `slices, cropped to the ${preprocess.crop},`} of ${all.map(({ prepared }) => prepared.id).join(', ')}`,
      expected: 'label 2 for lesion in at least one training case',
      advice:
        stride === 1
          ? 'Check the label images with glisson inspect, or divide the patients otherwise.'
          : 'Set a smaller training.stride, check the label images with glisson inspect, or divide the patients otherwise.',
    });
  }
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

/** Frozen layers first: the first group that names a parameter counts. */
function groupsAt({ training }: Pick<PatchPlan, 'training'>, step: number): ParameterGroup[] {
  const epoch = Math.floor(step / training.stepsPerEpoch) + 1;
  const { frozen, groups } = training.transfer;
  return [
    ...frozen
      .filter(({ untilEpoch }) => untilEpoch === null || epoch < untilEpoch)
      .map(({ names }) => ({ names, frozen: true })),
    ...groups.map(({ names, learningRateFactor, weightDecay }) => ({
      names,
      learningRate: learningRateFactor,
      ...(weightDecay !== null && { weightDecay }),
    })),
  ];
}

/** @throws PipelineError `option-invalid` when a group names no layer of the network */
function assertGroups(plan: PatchPlan, imageShape: readonly number[]): void {
  const { parameters } = declarationsOf(patchNetwork(plan.network), imageShape);
  const { optimiser } = plan.training;
  try {
    treatmentsOf(parameters, groupsAt(plan, 0), optimiser.weightDecay);
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    throw new PipelineError('option-invalid', 'The plan treats layers that the network does not have.', {
      where: 'training.transfer',
      found: error.message.replace(/\.$/, ''),
      expected: `layers of ${plan.network.family}`,
      cause: error,
    });
  }
}
