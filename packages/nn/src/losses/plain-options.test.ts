import { describe } from 'vitest';
import { input } from '../graph/tensor.ts';
import { type Refusal, refuses, untyped } from '../testing/refusals.ts';
import { binaryCrossEntropy, crossEntropy, focal } from './cross-entropy.ts';
import { combine } from './loss.ts';
import { softDice, tversky } from './overlap.ts';
import { classPrediction, labelPrediction } from './prediction.ts';
import { segmentationLoss } from './segmentation-loss.ts';

const [logits, targets] = [input('logits', [2, 3, 4, 4]), input('t', [2, 4, 4], 'uint8')];
const prediction = classPrediction(logits, targets);
const labels = labelPrediction(logits, input('labels', [2, 3, 4, 4], 'uint8'));

describe('a loss names the option that makes none', () => {
  const cases: readonly Refusal[] = [
    [
      'crossEntropy, labelSmoothing',
      () => crossEntropy(prediction, { labelSmoothing: untyped('0.1') }),
      /^crossEntropy: labelSmoothing must be a number in \[0, 1\), found '0\.1'$/,
    ],
    [
      'crossEntropy, classWeights',
      () => crossEntropy(prediction, { classWeights: [1, Number.NaN, 1] }),
      /^crossEntropy: classWeights must be .* \(item 1 is NaN\)$/,
    ],
    [
      'crossEntropy, weight',
      () => crossEntropy(prediction, untyped({ weight: [1, 1, 1] })),
      /^crossEntropy: there is no option 'weight'; there are classWeights, labelSmoothing$/,
    ],
    [
      'focal, gamma',
      () => focal(prediction, { gamma: 0.5 }),
      /^focal: gamma must be 0, or 1 or more, found 0\.5$/,
    ],
    [
      'binaryCrossEntropy, positiveWeights',
      () => binaryCrossEntropy(labels, { positiveWeights: untyped(2) }),
      /^binaryCrossEntropy: positiveWeights must be a list of .* found 2$/,
    ],
    [
      'softDice, over',
      () => softDice(prediction, { over: untyped('pixel') }),
      /^softDice: over must be 'batch' or 'image', found 'pixel'$/,
    ],
    [
      'tversky, alpha',
      () => tversky(prediction, { alpha: -1 }),
      /^tversky: alpha must be a number from 0, found -1$/,
    ],
    [
      'tversky, exponent',
      () => tversky(prediction, { exponent: 0 }),
      /^tversky: exponent must be a positive number, found 0$/,
    ],
    [
      'segmentationLoss, diceWeight missing',
      () => segmentationLoss(logits, targets, untyped({ crossEntropyWeight: 1, classWeights: [1, 1, 1] })),
      /^segmentationLoss: diceWeight must be a number from 0, found nothing$/,
    ],
    [
      'combine, a loss without weight',
      () => combine([untyped(softDice(prediction))]),
      /^combine: losses must be a list of losses with their weights, \{ weight, of \}, found .* \(item 0 is an object with loss, parts\)$/,
    ],
  ];
  refuses(cases);
});
