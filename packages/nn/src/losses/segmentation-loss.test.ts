import { describe, expect, test } from 'vitest';
import { gradients } from '../autodiff/gradients.ts';
import { input, type Tensor } from '../graph/tensor.ts';
import { evaluate } from '../reference/evaluate.ts';
import { randomValues } from '../testing/check-operator.ts';
import { relativeError, testRandom } from '../testing/numbers.ts';
import { runGraph } from '../testing/run-graph.ts';
import { segmentationLoss } from './segmentation-loss.ts';

describe('segmentation loss', () => {
  const [n, classes, h, w] = [2, 3, 3, 4];
  const logits = input('logits', [n, classes, h, w]);
  const targets = input('targets', [n, h, w], 'uint8');
  const random = testRandom(5);
  const truth = Uint8Array.from({ length: n * h * w }, (_, i) =>
    i === 7 ? 255 : Math.floor(random.uniform() * classes),
  );
  const classWeights = [1, 2, 4];
  const values = randomValues(logits.shape, 6);

  test.each([
    { crossEntropyWeight: 1, diceWeight: 0, classWeights },
    { crossEntropyWeight: 0, diceWeight: 1, classWeights },
    { crossEntropyWeight: 0.75, diceWeight: 0.25, classWeights, skipBackground: false },
  ])('value by hand, gradient by finite differences: %j', async (options) => {
    const { loss } = segmentationLoss(logits, targets, options);
    const [gradient] = gradients(loss, [logits]);
    const byHand = (z: Float64Array): number => {
      let crossEntropy = 0;
      let weight = 0;
      const overlap = [0, 0, 0];
      const sizes = [0, 0, 0];
      for (let i = 0; i < truth.length; i++) {
        const at = (c: number) => z[Math.floor(i / (h * w)) * classes * h * w + c * h * w + (i % (h * w))]!;
        const e = [0, 1, 2].map((c) => Math.exp(at(c)));
        const sum = e[0]! + e[1]! + e[2]!;
        for (let c = 0; c < classes; c++) {
          const p = e[c]! / sum;
          const t = truth[i] === c ? 1 : 0;
          crossEntropy -= t * classWeights[c]! * Math.log(p);
          weight += t * classWeights[c]!;
          overlap[c]! += p * t;
          sizes[c]! += p + t;
        }
      }
      const dice = overlap.map((o, c) => (2 * o + 1) / (sizes[c]! + 1));
      const counted = options.skipBackground === false ? dice : dice.slice(1);
      const meanDice = counted.reduce((a, b) => a + b) / counted.length;
      return (options.crossEntropyWeight * crossEntropy) / weight + options.diceWeight * (1 - meanDice);
    };
    const feeds = new Map<Tensor, ArrayLike<number>>([
      [logits, values],
      [targets, truth],
    ]);
    const [value, exact] = evaluate([loss, gradient!], feeds);
    expect(value![0]).toBeCloseTo(byHand(values), 12);
    const step = 1e-6;
    const estimate = values.map(
      (z, i) => (byHand(values.with(i, z + step)) - byHand(values.with(i, z - step))) / (2 * step),
    );
    expect(relativeError(estimate, exact!)).toBeLessThan(1e-8);
    const [runValue, runGradient] = await runGraph([loss, gradient!], feeds);
    expect(relativeError(runValue!, value!)).toBeLessThan(1e-6);
    expect(relativeError(runGradient!, exact!)).toBeLessThan(2e-6);
  });
});

test('a batch without any class has a finite loss and no gradient of cross-entropy', async () => {
  const logits = input('logits', [1, 2, 2, 2]);
  const targets = input('targets', [1, 2, 2], 'uint8');
  const options = { crossEntropyWeight: 1, diceWeight: 0, classWeights: [1, 1] };
  const { loss } = segmentationLoss(logits, targets, options);
  const [gradient] = gradients(loss, [logits]);
  const feeds = new Map([
    [logits, [1, 2, 3, 4, 5, 6, 7, 8]],
    [targets, [255, 255, 255, 255]],
  ]);
  const [value, slope] = await runGraph([loss, gradient!], feeds);
  expect(value).toEqual(Float32Array.of(0));
  expect([...slope!].map(Math.abs)).toEqual(new Array(8).fill(0));
});
