import { describe, expect, test } from 'vitest';
import { input, type Tensor } from '../graph/tensor.ts';
import { binaryCrossEntropy } from '../losses/cross-entropy.ts';
import { evaluate } from '../reference/evaluate.ts';
import { classification } from './classification.ts';
import { ofLabels, type TrainingLoss } from './loss.ts';

const rows = [
  [1, 3, 2],
  [0.5, 0.5, -1],
  [4, 1, 1],
  [0, 1, 2],
];

function values(loss: TrainingLoss, targets: readonly number[]): Record<string, number> {
  const logits = input('logits', [4, 3]);
  const { shape, type } = loss.targets(logits.shape);
  const truth = input('targets', shape, type);
  const built = loss.build(logits, truth);
  const named: Record<string, Tensor> = { loss: built.loss, ...built.parts };
  const feeds = new Map<Tensor, ArrayLike<number>>([
    [logits, rows.flat()],
    [truth, targets],
  ]);
  const found = evaluate(Object.values(named), feeds);
  return Object.fromEntries(Object.keys(named).map((name, i) => [name, found[i]![0]!]));
}

/** - ln p of a class of a row. */
function surprise(row: number, target: number): number {
  const sum = rows[row]!.reduce((total, logit) => total + Math.exp(logit), 0);
  return Math.log(sum) - rows[row]![target]!;
}

describe('classification', () => {
  test('reports cross-entropy and the share of right answers; ties are right', () => {
    const { loss, crossEntropy, accuracy } = values(classification(), [1, 1, 2, 0]);
    expect(loss).toBeCloseTo((surprise(0, 1) + surprise(1, 1) + surprise(2, 2) + surprise(3, 0)) / 4, 7);
    expect(crossEntropy).toBe(loss);
    expect(accuracy).toBeCloseTo(2 / 4, 9);
  });

  test('leaves targets out that are no class', () => {
    const { loss, accuracy } = values(classification({ classWeights: [1, 2, 5] }), [255, 1, 2, 3]);
    expect(loss).toBeCloseTo((2 * surprise(1, 1) + 5 * surprise(2, 2)) / 7, 7);
    expect(accuracy).toBeCloseTo(1 / 2, 9);
    expect(values(classification(), [9, 9, 9, 9])).toEqual({ loss: -0, crossEntropy: -0, accuracy: 0 });
  });
});

test('classes that may be true together have a target each', () => {
  const loss = ofLabels((prediction) => binaryCrossEntropy(prediction), 'float32');
  expect(loss.targets([2, 3, 4, 5])).toEqual({ shape: [2, 3, 4, 5], type: 'float32' });
  const targets = [1, 0, 0.25, 1, 1, 1, 0, 0, 0, 1, 0, 1];
  const each = rows.flat().map((z, i) => Math.log1p(Math.exp(z)) - targets[i]! * z);
  expect(values(loss, targets).loss).toBeCloseTo(each.reduce((a, b) => a + b) / 12, 7);
});
