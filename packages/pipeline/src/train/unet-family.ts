import type { TaskControl } from '@glisson/imaging/progress/progress';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import { segmentation } from '@glisson/nn/training/segmentation';
import { PipelineError } from '../errors/pipeline-error.ts';
import type { Plan } from '../plan/plan.ts';
import { unetNetwork } from '../plan/unet-network.ts';
import type { PreparedCase } from '../preprocess/prepared-case.ts';
import { createBatch, describeBatch } from './batch.ts';
import { type CaseIndex, indexCase } from './case-index.ts';
import { chooseThreshold } from './choose-threshold.ts';
import type { TrainerParts, TrainingFamily, TrainingRun } from './family.ts';
import { segmentationLossOf } from './loss-sums.ts';
import type { EpochScores } from './metrics.ts';
import { optimiserOptions } from './optimiser-options.ts';
import { diceOf, round, withPredictor } from './run.ts';
import {
  lesionsInLiver,
  meanOf,
  type ProbabilityCounts,
  scoreSlices,
  slicesOfCases,
} from './score-slices.ts';
import type { PreparedSides } from './training-data.ts';

/**
 * Training of 2-D U-Nets.
 * @throws PipelineError `data-invalid` when the cases of a side have no labels
 */
export function unetFamily(plan: Plan, sides: PreparedSides): TrainingFamily {
  const byLesion = plan.training.lesionDraw === 'lesion';
  const cases = sides.train.map((prepared) => indexCase(prepared, byLesion));
  assertLabelled('training', cases);
  assertLabelled(
    'validation',
    sides.validation.map((prepared) => indexCase(prepared)),
  );
  const scoresOf = async (
    scored: readonly PreparedCase[],
    run: TrainingRun,
    control: TaskControl,
  ): Promise<EpochScores> => {
    const slices = slicesOfCases(scored, plan.training.validationSlices);
    const counts = await withPredictor(run, control, (predictor) =>
      scoreSlices(predictor, scored, slices, plan, 'validate', control),
    );
    const dice = diceOf(counts, plan.postprocess);
    const loss = segmentationLossOf(
      counts.map((c) => c.loss),
      plan.training.loss,
    );
    return {
      ...dice,
      score: round(meanOf([dice.liverDice, dice.lesionDice]) ?? 0),
      validationLoss: loss === null ? null : round(loss),
    };
  };
  return {
    trainer: trainerParts(plan, cases),
    findings: [],
    groupsAt: () => [],
    createBatch: (step) => createBatch(cases, plan, step),
    describeBatch: (step) => describeBatch(cases, plan, step),
    numbersOf: ({ loss, parts: { crossEntropy, dice } }) => [loss, ...crossEntropy!, ...dice!],
    lineOf: (step, [loss, crossEntropy, ...softDice], learningRate) => ({
      kind: 'steps',
      step,
      loss: loss!,
      crossEntropy: crossEntropy!,
      softDice,
      learningRate,
    }),
    /** Dice on slices spread evenly over the cases, mean over cases, at the plan's thresholds. */
    validate: (run, control) => scoresOf(sides.validation, run, control),
    watch: (run, _chosen, control) => scoresOf(sides.test, run, control),
    afterEpoch: async () => false,
    state: undefined,
    finish: async (run, set, control) => {
      const everySlice = slicesOfCases(sides.validation, Number.POSITIVE_INFINITY);
      const counts = await withPredictor(run, control, (predictor) =>
        scoreSlices(predictor, sides.validation, everySlice, plan, 'choose thresholds', control),
      );
      const planned = plan.postprocess;
      const choose = (name: 'liverThreshold' | 'lesionThreshold', of: readonly ProbabilityCounts[]) =>
        set.has(`postprocess.${name}`) ? planned[name] : chooseThreshold(of, planned[name]).threshold;
      const liverThreshold = choose(
        'liverThreshold',
        counts.map((c) => c.liver),
      );
      const lesionThreshold = choose(
        'lesionThreshold',
        counts.map((c) => lesionsInLiver(c, liverThreshold)),
      );
      const thresholds = { liverThreshold, lesionThreshold };
      const averaged = plan.training.weightAverageDecay > 0;
      return {
        plan: { ...plan, postprocess: { ...plan.postprocess, ...thresholds } },
        thresholds,
        validation: {
          ...diceOf(counts, thresholds),
          cases: counts.map((c) => ({ id: c.id, ...diceOf([c], thresholds) })),
        },
        exportModel: (text) => run.trainer.exportModel({ averaged, metadata: { 'glisson.plan': text } }),
      };
    },
    close: async () => {},
  };
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

function trainerParts(plan: Plan, cases: readonly CaseIndex[]): TrainerParts {
  const { training, network } = plan;
  return {
    network: unetNetwork(network),
    imageShape: [training.batchSize, network.inputChannels, training.patchSize[1], training.patchSize[0]],
    loss: segmentation(training.loss),
    optimiser: optimiserOptions(training.optimiser),
    weightAverageDecay: training.weightAverageDecay,
    random: createRandom(training.seed, 'weights'),
    classPriors: classShares(cases, plan),
  };
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
