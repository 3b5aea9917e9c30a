import { describe, expect, test } from 'vitest';
import { hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { runTorch } from '../../../../testing/torch.ts';
import { gradients } from '../autodiff/gradients.ts';
import { type Shape, sizeOf } from '../graph/shape.ts';
import { constant, input, type Tensor } from '../graph/tensor.ts';
import { evaluate } from '../reference/evaluate.ts';
import {
  checkOperator,
  compareWithPeer,
  finiteDifferences,
  type PeerCase,
  randomValues,
} from '../testing/check-operator.ts';
import { relativeError, testRandom } from '../testing/numbers.ts';
import { runGraph } from '../testing/run-graph.ts';
import { binaryCrossEntropy, crossEntropy, focal } from './cross-entropy.ts';
import { combine, type Loss } from './loss.ts';
import { softDice, tversky } from './overlap.ts';
import { type ClassPrediction, classPrediction, labelPrediction, type Prediction } from './prediction.ts';

const classes = 3;
const classWeights = [1, 2, 4];
const ignored = 255;
const shapes: Shape[] = [
  [2, classes, 3, 4],
  [2, classes, 2, 3, 2],
  [5, classes],
];

/** Classes of [N, ...S], some of them ignored. */
function classTargets([n, , ...spatial]: Shape): number[] {
  const random = testRandom(5);
  return Array.from({ length: n! * sizeOf(spatial) }, (_, i) =>
    i % 7 === 3 ? ignored : Math.floor(random.uniform() * classes),
  );
}

/** Numbers from 0 to 1, and some outside. */
function labelTargets(shape: Shape): number[] {
  const random = testRandom(6);
  return Array.from({ length: sizeOf(shape) }, (_, i) => (i % 5 === 2 ? -1 : Math.round(random.uniform())));
}

/** One logit vector with its truth [classes] and whether it counts, [classes]. */
interface Site {
  readonly image: number;
  readonly logits: number[];
  readonly truth: number[];
  readonly valid: number[];
}

function sitesOf(
  shape: Shape,
  logits: ArrayLike<number>,
  targets: number[],
  kind: 'class' | 'label',
): Site[] {
  const pixels = sizeOf(shape.slice(2));
  return Array.from({ length: shape[0]! * pixels }, (_, i) => {
    const image = Math.floor(i / pixels);
    const at = (c: number) => (image * classes + c) * pixels + (i % pixels);
    const numbers = [0, 1, 2];
    const target = (c: number) => (kind === 'class' ? Number(targets[i] === c) : targets[at(c)]!);
    const counts = (c: number) => Number(kind === 'class' ? targets[i]! < classes : targets[at(c)]! >= 0);
    return {
      image,
      logits: numbers.map((c) => logits[at(c)]!),
      truth: numbers.map((c) => target(c) * counts(c)),
      valid: numbers.map(counts),
    };
  });
}

function softmaxOf(logits: number[]): number[] {
  const powers = logits.map(Math.exp);
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

const sigmoidOf = (logits: number[]) => logits.map((z) => 1 / (1 + Math.exp(-z)));
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);

function entropyByHand(sites: Site[], smoothing = 0): number {
  const counted = sites.filter(({ valid }) => valid[0] === 1);
  const weight = ({ truth }: Site) => sum(truth.map((t, c) => t * classWeights[c]!));
  const terms = counted.map((site) => {
    const logs = softmaxOf(site.logits).map(Math.log);
    const even = sum(logs.map((log, c) => classWeights[c]! * log)) / classes;
    const own = sum(logs.map((log, c) => site.truth[c]! * classWeights[c]! * log));
    return -(1 - smoothing) * own - smoothing * even;
  });
  return sum(terms) / sum(counted.map(weight));
}

function focalByHand(sites: Site[], gamma: number): number {
  const counted = sites.filter(({ valid }) => valid[0] === 1);
  const terms = counted.map(({ logits, truth }) => {
    const target = truth.indexOf(1);
    const p = softmaxOf(logits)[target]!;
    return -classWeights[target]! * (1 - p) ** gamma * Math.log(p);
  });
  return sum(terms) / counted.length;
}

function binaryByHand(sites: Site[]): number {
  const terms = sites.flatMap(({ logits, truth, valid }) =>
    sigmoidOf(logits).map((p, c) => {
      const positive = classWeights[c]! * truth[c]! * Math.log(p);
      return valid[c]! * -(positive + (1 - truth[c]!) * Math.log(1 - p));
    }),
  );
  return sum(terms) / sum(sites.flatMap(({ valid }) => valid));
}

/** Scores per image and class of a formula of sum p t, sum p and sum t. */
function overlapByHand(
  sites: Site[],
  over: 'batch' | 'image',
  probabilitiesOf: (logits: number[]) => number[],
  score: (both: number, predicted: number, actual: number) => number,
): number[][] {
  const images =
    over === 'batch'
      ? [sites]
      : [...new Set(sites.map(({ image }) => image))].map((image) =>
          sites.filter((site) => site.image === image),
        );
  return images.map((group) =>
    [0, 1, 2].map((c) => {
      const p = group.map(({ logits, valid }) => probabilitiesOf(logits)[c]! * valid[c]!);
      const t = group.map(({ truth }) => truth[c]!);
      return score(sum(p.map((value, i) => value * t[i]!)), sum(p), sum(t));
    }),
  );
}

const diceOf = (smoothing: number) => (both: number, predicted: number, actual: number) =>
  (2 * both + smoothing) / (predicted + actual + smoothing);
const tverskyOf = (alpha: number, beta: number) => (both: number, predicted: number, actual: number) =>
  (both + 1) / (both + 1 + alpha * (predicted - both) + beta * (actual - both));
const meanOf = (values: number[]) => sum(values) / values.length;
const foreground = (scores: number[][]) => scores.flatMap((score) => score.slice(1));

interface Case {
  readonly name: string;
  readonly kind: 'class' | 'label';
  readonly build: (prediction: Prediction) => Loss;
  readonly byHand: (sites: Site[]) => number;
}

const ofClass = (build: (prediction: ClassPrediction) => Loss) => build as (prediction: Prediction) => Loss;
const cases: Case[] = [
  {
    name: 'cross-entropy',
    kind: 'class',
    build: ofClass((p) => crossEntropy(p, { classWeights })),
    byHand: (sites) => entropyByHand(sites),
  },
  {
    name: 'cross-entropy, labels smoothed',
    kind: 'class',
    build: ofClass((p) => crossEntropy(p, { classWeights, labelSmoothing: 0.2 })),
    byHand: (sites) => entropyByHand(sites, 0.2),
  },
  {
    name: 'focal',
    kind: 'class',
    build: ofClass((p) => focal(p, { classWeights })),
    byHand: (sites) => focalByHand(sites, 2),
  },
  {
    name: 'focal of another gamma',
    kind: 'class',
    build: ofClass((p) => focal(p, { classWeights, gamma: 1.5 })),
    byHand: (sites) => focalByHand(sites, 1.5),
  },
  {
    name: 'binary cross-entropy',
    kind: 'label',
    build: (p) => binaryCrossEntropy(p, { positiveWeights: classWeights }),
    byHand: binaryByHand,
  },
  {
    name: 'soft Dice',
    kind: 'class',
    build: (p) => softDice(p),
    byHand: (sites) => 1 - meanOf(foreground(overlapByHand(sites, 'batch', softmaxOf, diceOf(1)))),
  },
  {
    name: 'soft Dice image by image, with the background, little smoothing',
    kind: 'class',
    build: (p) => softDice(p, { over: 'image', skipBackground: false, smoothing: 0.01 }),
    byHand: (sites) => 1 - meanOf(overlapByHand(sites, 'image', softmaxOf, diceOf(0.01)).flat()),
  },
  {
    name: 'soft Dice of labels',
    kind: 'label',
    build: (p) => softDice(p, { skipBackground: false }),
    byHand: (sites) => 1 - meanOf(overlapByHand(sites, 'batch', sigmoidOf, diceOf(1)).flat()),
  },
  {
    name: 'Tversky',
    kind: 'class',
    build: (p) => tversky(p, { alpha: 0.2, beta: 0.9 }),
    byHand: (sites) => 1 - meanOf(foreground(overlapByHand(sites, 'batch', softmaxOf, tverskyOf(0.2, 0.9)))),
  },
  {
    name: 'focal Tversky image by image',
    kind: 'class',
    build: (p) => tversky(p, { over: 'image', exponent: 0.75 }),
    byHand: (sites) => {
      const scores = foreground(overlapByHand(sites, 'image', softmaxOf, tverskyOf(0.3, 0.7)));
      return meanOf(scores.map((score) => (1 - score) ** 0.75));
    },
  },
  {
    name: 'a combination',
    kind: 'class',
    build: ofClass((p) =>
      combine([
        { weight: 0.5, of: crossEntropy(p, { classWeights }) },
        { weight: 2, of: softDice(p) },
        { weight: 0, of: focal(p) },
      ]),
    ),
    byHand: (sites) =>
      0.5 * entropyByHand(sites) +
      2 * (1 - meanOf(foreground(overlapByHand(sites, 'batch', softmaxOf, diceOf(1))))),
  },
];

describe.each(cases)('$name', ({ kind, build, byHand }) => {
  test.each(shapes.map((shape) => ({ shape })))('of $shape, by hand', async ({ shape }) => {
    const logits = input('logits', shape);
    const numbers = kind === 'class' ? classTargets(shape) : labelTargets(shape);
    const targetShape = kind === 'class' ? shape.toSpliced(1, 1) : shape;
    const targets = input('targets', targetShape, kind === 'class' ? 'uint8' : 'float32');
    const prediction = kind === 'class' ? classPrediction(logits, targets) : labelPrediction(logits, targets);
    const { loss } = build(prediction);
    const [slope] = gradients(loss, [logits]);
    const feeds = new Map<Tensor, ArrayLike<number>>([
      [logits, randomValues(shape, 7)],
      [targets, numbers],
    ]);
    const [value, exact] = evaluate([loss, slope!], feeds);
    const expected = byHand(sitesOf(shape, feeds.get(logits)!, numbers, kind));
    // Weights and the like are float32 constants.
    expect(value![0]! / expected).toBeCloseTo(1, 7);
    expect(relativeError(finiteDifferences(loss, logits, feeds), exact!)).toBeLessThan(1e-7);
    for (const portable of [false, true]) {
      const [found, foundSlope] = await runGraph([loss, slope!], feeds, { portable });
      expect(relativeError(found!, value!)).toBeLessThan(1e-6);
      expect(relativeError(foundSlope!, exact!)).toBeLessThan(2e-6);
    }
  });
});

function torchNumbers(values: readonly number[], shape: Shape, type: string): string {
  return `torch.tensor(${JSON.stringify(values)}, dtype=torch.${type}).reshape(${JSON.stringify(shape)})`;
}

const withTorch: PeerCase[] = shapes.flatMap((shape) => {
  const numbers = classTargets(shape);
  const targetShape = shape.toSpliced(1, 1);
  const truth = torchNumbers(numbers, targetShape, 'int64');
  const labels = labelTargets(shape).map((value) => Math.abs(value));
  const weights = torchNumbers(classWeights, [classes], 'float64');
  const spatial = shape.slice(2).map(() => 1);
  const positive = torchNumbers(classWeights, [classes, ...spatial], 'float64');
  const predicted = (logits: Tensor) => classPrediction(logits, constant(numbers, targetShape));
  return [
    {
      name: 'cross-entropy',
      shapes: [shape],
      build: (x) => crossEntropy(predicted(x!), { classWeights }).loss,
      peer: `F.cross_entropy(x[0], ${truth}, ${weights}, ignore_index=${ignored})`,
    },
    {
      name: 'cross-entropy, labels smoothed',
      shapes: [shape],
      build: (x) => crossEntropy(predicted(x!), { classWeights, labelSmoothing: 0.125 }).loss,
      peer: `F.cross_entropy(x[0], ${truth}, ${weights}, ignore_index=${ignored}, label_smoothing=0.125)`,
    },
    {
      name: 'binary cross-entropy',
      shapes: [shape],
      build: (x) =>
        binaryCrossEntropy(labelPrediction(x!, constant(labels, shape)), { positiveWeights: classWeights })
          .loss,
      peer: `F.binary_cross_entropy_with_logits(x[0], ${torchNumbers(labels, shape, 'float64')}, pos_weight=${positive})`,
    },
  ];
});

test.skipIf(!hasSystemTools(['python3-torch']))(
  needs(['python3-torch'], 'cross-entropies as PyTorch has them'),
  () => compareWithPeer(withTorch, runTorch),
);

checkOperator([
  {
    name: 'softDice of far logits',
    shapes: [[1, 2, 3, 3]],
    build: (x) => softDice(classPrediction(x, constant([0, 1, 1, 0, 1, 0, 0, 1, 1], [1, 3, 3]))).loss,
    value: (normal) => 3 * normal,
  },
]);

test('the parts of a combination are those of its losses, and need names of their own', () => {
  const logits = input('logits', [2, classes, 4]);
  const prediction = classPrediction(logits, input('targets', [2, 4], 'uint8'));
  const [entropy, dice] = [crossEntropy(prediction), softDice(prediction)];
  const { parts } = combine([
    { weight: 1, of: entropy },
    { weight: 0, of: dice },
  ]);
  expect(Object.keys(parts)).toEqual(['crossEntropy', 'dice']);
  expect(parts.dice!.shape).toEqual([classes]);
  expect(() =>
    combine([
      { weight: 1, of: dice },
      { weight: 1, of: dice },
    ]),
  ).toThrow(/combine: every part needs a name of its own, found dice, dice/);
});

test('a batch in which everything is ignored has finite losses without slope', async () => {
  const logits = input('logits', [1, classes, 2, 2]);
  const targets = input('targets', [1, 2, 2], 'uint8');
  const prediction = classPrediction(logits, targets);
  const losses = [crossEntropy(prediction), focal(prediction), softDice(prediction), tversky(prediction)];
  const outputs = losses.flatMap(({ loss }) => [loss, ...gradients(loss, [logits])]);
  const feeds = new Map<Tensor, ArrayLike<number>>([
    [logits, randomValues(logits.shape, 3)],
    [targets, [ignored, ignored, ignored, ignored]],
  ]);
  for (const values of await runGraph(outputs, feeds)) {
    expect([...values].map(Math.abs)).toEqual(new Array(values.length).fill(0));
  }
});

test('far logits keep every loss and slope finite', async () => {
  const logits = input('logits', [1, 2, 4]);
  const targets = input('targets', [1, 4], 'uint8');
  const prediction = classPrediction(logits, targets);
  const labels = labelPrediction(logits, constant([0, 1, 0, 1, 1, 0, 1, 0], [1, 2, 4]));
  const losses = [
    crossEntropy(prediction, { labelSmoothing: 0.1 }),
    focal(prediction),
    softDice(prediction),
    tversky(prediction, { exponent: 0.5 }),
    binaryCrossEntropy(labels),
  ];
  const outputs = losses.flatMap(({ loss }) => [loss, ...gradients(loss, [logits])]);
  const feeds = new Map<Tensor, ArrayLike<number>>([
    [logits, [1e4, -1e4, 1e4, -1e4, -1e4, 1e4, 0, 1e4]],
    [targets, [0, 1, 1, 0]],
  ]);
  for (const values of await runGraph(outputs, feeds)) {
    expect([...values].every(Number.isFinite)).toBe(true);
  }
});

test('targets, weights and options that do not fit are refused', () => {
  const logits = input('logits', [2, classes, 4, 4]);
  expect(() => classPrediction(logits, input('t', [2, 4], 'uint8'))).toThrow(
    /classPrediction: logits \[2, 3, 4, 4\] and targets \[2, 4\] do not fit: expected targets \[2, 4, 4\] .built at losses\.test/,
  );
  expect(() => labelPrediction(logits, input('t', [2, 4, 4], 'uint8'))).toThrow(/labelPrediction: .* differ/);
  const prediction = classPrediction(logits, input('t', [2, 4, 4], 'uint8'));
  expect(() => crossEntropy(prediction, { classWeights: [1, 2] })).toThrow(
    /each of the 3 classes .* found 2/,
  );
  expect(() => crossEntropy(prediction, { labelSmoothing: 1 })).toThrow(
    /labelSmoothing must be a number in \[0, 1\), found 1/,
  );
  expect(() => focal(prediction, { gamma: 0.5 })).toThrow(/gamma must be 0, or 1 or more, found 0.5/);
  const one = labelPrediction(input('z', [2, 1, 4]), input('t', [2, 1, 4]));
  expect(() => softDice(one)).toThrow(/skipBackground/);
});
