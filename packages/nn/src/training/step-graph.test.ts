import { expect, test } from 'vitest';
import { gradients } from '../autodiff/gradients.ts';
import { sizeOf } from '../graph/shape.ts';
import {
  type InputAttributes,
  input,
  inputOperator,
  type Tensor,
  topologicalOrder,
} from '../graph/tensor.ts';
import { unet2d } from '../models/unet-2d.ts';
import { writeModel } from '../onnx/write-model.ts';
import { convolution } from '../operators/convolution.ts';
import { mul } from '../operators/elementwise.ts';
import { reduceSum } from '../operators/reduce.ts';
import { adamRates, adamStep, movingAverage } from '../optimisers/adam.ts';
import { evaluate } from '../reference/evaluate.ts';
import { probeChannelBlock } from '../runtime/probe-blocks.ts';
import { relativeError, testRandom } from '../testing/numbers.ts';
import { runGraph } from '../testing/run-graph.ts';
import { initialParameters } from './initialise.ts';
import { layoutOf } from './layout.ts';
import { stepGraph } from './step-graph.ts';

const optimiser = { name: 'adam', beta1: 0.9, beta2: 0.99, epsilon: 1e-3, weightDecay: 0.1 } as const;

test.each([
  { batchNorm: false, limit: 1e-5 },
  { batchNorm: true, limit: 1e-5 },
])('the gradient of a whole U-Net (batch norm: $batchNorm) against float64', async ({ batchNorm, limit }) => {
  const network = unet2d({
    inputChannels: 2,
    classes: 3,
    baseChannels: 4,
    maxChannels: 12,
    levels: 3,
    convolutionsPerLevel: 2,
    batchNorm,
  });
  const { layout, loss, gradient } = stepGraph({
    network,
    batchSize: 2,
    height: 16,
    width: 8,
    loss: { crossEntropyWeight: 1, diceWeight: 1, classWeights: [1, 2, 3] },
    optimiser,
    averaging: false,
  });
  const random = testRandom(3);
  const numbers: Record<string, ArrayLike<number>> = {
    parameters: initialParameters(layout, random),
    image: Float32Array.from({ length: 2 * 2 * 16 * 8 }, () => random.normal()),
    targets: Uint8Array.from({ length: 2 * 16 * 8 }, () => Math.floor(3 * random.uniform())),
  };
  const feeds = new Map(inputsOf(gradient).map((tensor) => [tensor, numbers[nameOf(tensor)]!]));
  const [exactLoss, exact] = evaluate([loss, gradient], feeds);
  const [foundLoss, found] = await runGraph([loss, gradient], feeds);
  expect(foundLoss![0]).toBeCloseTo(exactLoss![0]!, 5);
  expect(relativeError(found!, exact!)).toBeLessThan(limit);
});

test('convolutions in the CPU layout of this machine: the same gradient', async (context) => {
  const block = await probeChannelBlock();
  context.skip(block === 1, 'this processor has no such layout');
  expect([4, 8, 16]).toContain(block);
  const x = input('x', [2, 16, 40, 40]);
  const w = input('w', [32, 16, 3, 3]);
  const bias = input('bias', [32]);
  const y = convolution(x, w, { pads: [1, 1, 1, 1], bias });
  const weights = input('weights', y.shape);
  const outputs = [y, ...gradients(reduceSum(mul(y, weights)), [x, w, bias])];
  const random = testRandom(6);
  const feeds = new Map(
    [x, w, bias, weights].map((t) => [
      t,
      Float32Array.from({ length: sizeOf(t.shape) }, () => random.normal()),
    ]),
  );
  const model = writeModel({ name: 'm', outputs: { y }, channelBlock: block });
  expect(Buffer.from(model).includes('com.microsoft.nchwc')).toBe(true);
  const [exact, found] = [evaluate(outputs, feeds), await runGraph(outputs, feeds, { channelBlock: block })];
  for (const [i, values] of exact.entries()) expect(relativeError(found[i]!, values)).toBeLessThan(2e-6);
});

test('parameters: names, order, count; only convolution weights decay', () => {
  const layout = layoutOf(
    unet2d({
      inputChannels: 1,
      classes: 2,
      baseChannels: 2,
      maxChannels: 4,
      levels: 2,
      convolutionsPerLevel: 1,
    }),
  );
  expect(layout.parameters.map(({ name, shape }) => `${name} ${shape.join('x')}`)).toEqual([
    'encoder0.conv1.weight 2x1x3x3',
    'encoder1.conv1.weight 4x2x3x3',
    'up0.weight 4x2x2x2',
    'decoder0.conv1.weight 2x4x3x3',
    'head.weight 2x2x1x1',
    'encoder0.norm1.weight 2',
    'encoder0.norm1.bias 2',
    'encoder1.norm1.weight 4',
    'encoder1.norm1.bias 4',
    'up0.bias 2',
    'decoder0.norm1.weight 2',
    'decoder0.norm1.bias 2',
    'head.bias 2',
  ]);
  expect(layout.decayCount).toBe(18 + 72 + 32 + 72 + 4);
  expect(layout.parameterCount).toBe(layout.decayCount + 4 + 8 + 2 + 4 + 2);
  expect(layout.statisticCount).toBe(2 * (2 + 4 + 2));
});

test('Adam with decoupled decay and a moving average, against a plain float64 loop', async () => {
  const count = 6;
  const decayCount = 4;
  const vector = (name: string) => input(name, [count]);
  const parameters = vector('parameters');
  const firstMoment = vector('firstMoment');
  const secondMoment = vector('secondMoment');
  const gradient = vector('gradient');
  const average = vector('average');
  const rates = {
    stepSize: input('stepSize', []),
    secondCorrection: input('secondCorrection', []),
    shrink: input('shrink', []),
  };
  const keep = input('keep', []);
  const next = adamStep({ parameters, firstMoment, secondMoment }, gradient, decayCount, optimiser, rates);
  const outputs = [
    next.parameters,
    next.firstMoment,
    next.secondMoment,
    movingAverage(average, next.parameters, keep),
  ];

  const random = testRandom(8);
  const start = Array.from({ length: count }, () => Math.fround(random.normal()));
  const hand = { p: [...start], m: new Array(count).fill(0), v: new Array(count).fill(0), a: [...start] };
  let state: ArrayLike<number>[] = [start, new Float32Array(count), new Float32Array(count), start];
  for (let t = 1; t <= 5; t++) {
    const g = Array.from({ length: count }, () => Math.fround(random.normal()));
    const learningRate = 0.1 / t;
    const now = adamRates(optimiser, learningRate, t);
    state = await runGraph(
      outputs,
      new Map<Tensor, ArrayLike<number>>([
        [parameters, state[0]!],
        [firstMoment, state[1]!],
        [secondMoment, state[2]!],
        [average, state[3]!],
        [gradient, g],
        [rates.stepSize, [now.stepSize]],
        [rates.secondCorrection, [now.secondCorrection]],
        [rates.shrink, [now.shrink]],
        [keep, [0.25]],
      ]),
    );
    for (let i = 0; i < count; i++) {
      hand.m[i] = 0.9 * hand.m[i] + 0.1 * g[i]!;
      hand.v[i] = 0.99 * hand.v[i] + 0.01 * g[i]! ** 2;
      const step = hand.m[i] / (1 - 0.9 ** t) / (Math.sqrt(hand.v[i] / (1 - 0.99 ** t)) + 1e-3);
      if (i < decayCount) hand.p[i]! *= 1 - learningRate * 0.1;
      hand.p[i]! -= learningRate * step;
      hand.a[i] = 0.75 * hand.a[i]! + 0.25 * hand.p[i]!;
    }
  }
  for (const [i, expected] of [hand.p, hand.m, hand.v, hand.a].entries()) {
    expect(relativeError(state[i]!, expected)).toBeLessThan(1e-6);
  }
});

function inputsOf(output: Tensor): Tensor[] {
  return topologicalOrder([output]).filter(({ operator }) => operator.name === inputOperator.name);
}

function nameOf(tensor: Tensor): string {
  return (tensor.attributes as InputAttributes).name;
}
