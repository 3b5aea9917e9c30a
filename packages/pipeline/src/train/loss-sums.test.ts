import { createRandom } from '@glisson/imaging/random/seeded-random';
import { input, type Tensor } from '@glisson/nn/graph/tensor';
import { crossEntropy } from '@glisson/nn/losses/cross-entropy';
import { classPrediction } from '@glisson/nn/losses/prediction';
import { segmentationLoss } from '@glisson/nn/losses/segmentation-loss';
import { evaluate } from '@glisson/nn/reference/evaluate';
import { describe, expect, test } from 'vitest';
import { epochTraining } from './epoch-training.ts';
import { addProbability, classificationLossOf, createLossSums, segmentationLossOf } from './loss-sums.ts';
import type { Metrics } from './metrics.ts';

/** Logits [classes, pixels], their softmax and a truth. */
function example(classes: number, pixels: number) {
  const random = createRandom('loss', classes);
  const logits = Array.from({ length: classes * pixels }, () => 2 * random.normal());
  const truth = Uint8Array.from({ length: pixels }, (_, i) => i % classes);
  const probability = (c: number, i: number) => {
    const powers = Array.from({ length: classes }, (_, k) => Math.exp(logits[k * pixels + i]!));
    return powers[c]! / powers.reduce((a, b) => a + b, 0);
  };
  return { logits, truth, probability };
}

function sumsOf(
  { truth, probability }: ReturnType<typeof example>,
  classes: number,
  from: number,
  to: number,
) {
  const sums = createLossSums(classes);
  for (let i = from; i < to; i++)
    for (let c = 0; c < classes; c++) addProbability(sums, c, probability(c, i), truth[i]!);
  return sums;
}

describe('validation loss', () => {
  test('of segmentations is the training loss of all pixels as one batch, however they are divided', () => {
    const [classes, pixels] = [3, 60];
    const one = example(classes, pixels);
    const options = { crossEntropyWeight: 0.75, diceWeight: 1.25, classWeights: [1, 2, 4] };
    const logits = input('logits', [1, classes, 6, 10]);
    const targets = input('targets', [1, 6, 10], 'uint8');
    const feeds = new Map<Tensor, ArrayLike<number>>([
      [logits, one.logits],
      [targets, one.truth],
    ]);
    const [wanted] = evaluate([segmentationLoss(logits, targets, options).loss], feeds);
    const parts = [sumsOf(one, classes, 0, 11), sumsOf(one, classes, 11, pixels)];
    expect(segmentationLossOf(parts, options)).toBeCloseTo(wanted![0]!, 10);
    expect(segmentationLossOf([], options)).toBeNull();
  });

  test('of classifiers mixes the classes as a batch does', () => {
    const one = example(2, 40);
    const logits = input('logits', [40, 2]);
    const targets = input('targets', [40], 'uint8');
    const rows = Array.from({ length: 80 }, (_, n) => one.logits[(n % 2) * 40 + (n >> 1)]!);
    const feeds = new Map<Tensor, ArrayLike<number>>([
      [logits, rows],
      [targets, one.truth],
    ]);
    const loss = crossEntropy(classPrediction(logits, targets), { classWeights: [1, 3] }).loss;
    const [wanted] = evaluate([loss], feeds);
    // Half of the pixels are lesion, as half of a batch; nine times as many others change nothing.
    const sums = sumsOf(one, 2, 0, 40);
    const others = createLossSums(2);
    for (let n = 0; n < 8; n++)
      for (let i = 0; i < 40; i += 2)
        for (const c of [0, 1]) addProbability(others, c, one.probability(c, i), 0);
    expect(classificationLossOf([sums], [0.5, 0.5], [1, 3])).toBeCloseTo(wanted![0]!, 10);
    expect(classificationLossOf([sums, others], [0.5, 0.5], [1, 3])).toBeCloseTo(wanted![0]!, 10);
    expect(classificationLossOf([others], [0.5, 0.5], [1, 3])).toBeNull();
    expect(classificationLossOf([], [0.5, 0.5], [1, 3])).toBeNull();
  });

  test('a probability of 0 costs much, not everything', () => {
    const sums = createLossSums(2);
    addProbability(sums, 1, 0, 1);
    expect(sums.logLoss[1]).toBeCloseTo(7 * Math.log(10), 6);
  });
});

describe('training in an epoch', () => {
  const steps = (step: number, loss: number): Metrics => ({
    kind: 'steps',
    step,
    loss,
    crossEntropy: loss,
    softDice: [1, 0.5, 1 - loss],
    learningRate: 1,
  });
  const epoch: Metrics = {
    kind: 'epoch',
    epoch: 1,
    step: 16,
    liverDice: 1,
    lesionDice: 1,
    score: 1,
    best: true,
  };

  test('is the mean over its steps: a line weighs the steps that it averages', () => {
    const lines = [steps(10, 0.9), steps(16, 0.5), epoch, steps(20, 0.4), steps(30, 0.2), steps(32, 0.1)];
    const { trainingLoss, trainingLiverDice, trainingLesionDice } = epochTraining(lines);
    expect(trainingLoss).toBeCloseTo((4 * 0.4 + 10 * 0.2 + 2 * 0.1) / 16, 6);
    expect(trainingLesionDice).toBeCloseTo(1 - trainingLoss!, 6);
    expect(trainingLiverDice).toBe(0.5);
    expect(epochTraining(lines.slice(0, 2)).trainingLoss).toBeCloseTo((10 * 0.9 + 6 * 0.5) / 16, 6);
  });

  test('of classifiers it is the accuracy, and nothing where there is no line', () => {
    const line: Metrics = { kind: 'steps', step: 10, loss: 0.5, accuracy: 0.75, learningRate: 1 };
    expect(epochTraining([line])).toEqual({ trainingLoss: 0.5, trainingAccuracy: 0.75 });
    expect(epochTraining([line, { ...epoch, step: 10 }])).toEqual({});
  });
});
