import { expect, test } from 'vitest';
import { hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { runTorch } from '../../../../testing/torch.ts';
import { gradients } from '../autodiff/gradients.ts';
import { inferenceForm } from '../graph/composite.ts';
import type { Shape } from '../graph/shape.ts';
import { constant, input } from '../graph/tensor.ts';
import { buildModel, writeModel } from '../onnx/write-model.ts';
import { evaluate } from '../reference/evaluate.ts';
import { probeChannelBlock } from '../runtime/probe-blocks.ts';
import { checkOperator, compareWithPeer, type PeerCase, randomValues } from '../testing/check-operator.ts';
import { relativeError } from '../testing/numbers.ts';
import { runGraph, runModel } from '../testing/run-graph.ts';
import { leakyRelu } from './activations.ts';
import { convolution } from './convolution.ts';
import { mul } from './elementwise.ts';
import { groupNorm, instanceNorm } from './group-norm.ts';
import { reduceSum } from './reduce.ts';

const instances: PeerCase[] = [
  [2, 3, 4, 5],
  [1, 3, 2, 3, 4],
  [2, 3, 2, 2, 3],
  [3, 2, 7],
].map((shape) => ({
  name: `instanceNorm of ${shape.join(' x ')}`,
  shapes: [shape, [shape[1]!], [shape[1]!]],
  build: (x, gamma, beta) => instanceNorm(x, { gamma: gamma!, beta: beta! }),
  peer: 'F.instance_norm(x[0], None, None, x[1], x[2], eps=1e-5)',
}));
const groups: PeerCase[] = [
  { shape: [2, 6, 3, 4], count: 2 },
  { shape: [1, 4, 2, 3, 2], count: 2 },
  { shape: [2, 4, 3, 3], count: 1 },
  { shape: [2, 6, 5], count: 3 },
  { shape: [3, 6], count: 2 },
].map(({ shape, count }) => ({
  name: `groupNorm of ${shape.join(' x ')} in ${count}`,
  shapes: [shape, [shape[1]!], [shape[1]!]],
  build: (x, gamma, beta) => groupNorm(x, count, { gamma: gamma!, beta: beta!, epsilon: 1e-3 }),
  peer: `F.group_norm(x[0], ${count}, x[1], x[2], eps=1e-3)`,
}));
const plain: PeerCase[] = [
  {
    name: 'instanceNorm without gain and shift',
    shapes: [[2, 3, 4, 5]],
    build: (x) => instanceNorm(x),
    peer: 'F.instance_norm(x[0])',
  },
  {
    name: 'groupNorm without gain and shift',
    shapes: [[2, 4, 3, 2]],
    build: (x) => groupNorm(x, 2),
    peer: 'F.group_norm(x[0], 2)',
  },
];

checkOperator([
  ...instances,
  ...groups,
  ...plain,
  {
    name: 'instanceNorm, then leaky ReLU',
    shapes: [[1, 3, 2, 4, 4], [3], [3]],
    build: (x, gamma, beta) => leakyRelu(instanceNorm(x, { gamma, beta }), 0.01),
  },
]);

test.skipIf(!hasSystemTools(['python3-torch']))(
  needs(['python3-torch'], 'instance and group norm as PyTorch does them'),
  () => compareWithPeer([...instances, ...groups, ...plain], runTorch),
);

test.each([...instances, ...groups])(
  '$name: the form for inference gives the same',
  async ({ shapes, build }) => {
    const sources = shapes.map((shape, i) => input(`x${i}`, shape));
    const y = build(...sources);
    const [inference] = inferenceForm([y]);
    expect(inference!.operator.name).toBe('groupNorm');
    const feeds = new Map(sources.map((tensor, i) => [tensor, randomValues(tensor.shape, i + 1)]));
    const [exact, found] = evaluate([y, inference!], feeds);
    // Their epsilons differ by the rounding to float32.
    expect(relativeError(found!, exact!)).toBeLessThan(1e-9);
    const [float32] = await runGraph([inference!], feeds);
    expect(relativeError(float32!, exact!)).toBeLessThan(2e-6);
  },
);

test('a model of open sizes normalises images of any size', async () => {
  const openAxes = ['N', undefined, 'H', 'W'];
  const build = (shape: Shape) => {
    const x = input('x', shape);
    return { x, y: groupNorm(instanceNorm(x), 2) };
  };
  const model = writeModel({ name: 'm', outputs: { y: build([1, 4, 2, 2]).y }, openAxes });
  const { x, y } = build([3, 4, 5, 6]);
  const numbers = randomValues(x.shape, 1);
  const [exact] = evaluate([y], new Map([[x, numbers]]));
  const found = await runModel(model, { x: { data: numbers, shape: x.shape } });
  expect(relativeError(found.y!, exact!)).toBeLessThan(2e-6);
});

const block = await probeChannelBlock();

const inBlocks = [
  { what: 'a volume', image: [1, 16, 4, 28, 28] },
  { what: 'several images', image: [3, 16, 34, 36] },
];

test.skipIf(block === 1).each(inBlocks)(
  'instance norm of $what between convolutions stays in blocks of channels',
  async ({ image }) => {
    const taps = image.slice(2).map(() => 3);
    const same = { pads: [...taps, ...taps].map(() => 1) };
    const x = input('x', image);
    const weights = [input('w1', [16, 16, ...taps]), input('w2', [16, 16, ...taps])] as const;
    const [gamma, beta] = [input('gamma', [16]), input('beta', [16])];
    const normed = leakyRelu(instanceNorm(convolution(x, weights[0], same), { gamma, beta }), 0.01);
    const y = convolution(normed, weights[1], same);
    const sources = [x, ...weights, gamma, beta];
    const factors = constant(Float32Array.from(randomValues(y.shape, 9)), y.shape);
    const outputs = [y, ...gradients(reduceSum(mul(y, factors)), sources)];
    const feeds = new Map(
      sources.map((tensor, i) => [tensor, randomValues(tensor.shape, i + 1, (normal) => normal / 8)]),
    );
    const { nodes } = buildModel({ name: 'm', outputs: { y }, channelBlock: block }).graph;
    expect(nodes.filter(({ type }) => type === 'ReorderInput')).toHaveLength(1);
    expect(nodes.filter(({ type }) => type === 'ReorderOutput')).toHaveLength(1);
    const expected = evaluate(outputs, feeds);
    const found = await runGraph(outputs, feeds, { channelBlock: block });
    for (const [i, values] of expected.entries()) {
      expect(relativeError(found[i]!, values)).toBeLessThan(5e-6);
    }
  },
);

test('the last step of a norm does the activation after it on the way', () => {
  const x = input('x', [1, 16, 56, 56]);
  const convolved = convolution(x, input('w', [16, 16, 3, 3]), { pads: [1, 1, 1, 1] });
  const y = leakyRelu(instanceNorm(convolved), 0.01);
  const { nodes } = buildModel({ name: 'm', outputs: { y }, channelBlock: 16 }).graph;
  expect(nodes.some(({ type }) => type === 'LeakyRelu')).toBe(false);
});

test('groups that do not divide the channels are refused', () => {
  const x = input('x', [1, 4, 2, 2]);
  expect(() => groupNorm(x, 3)).toThrow(
    /groupNorm: image \[1, 4, 2, 2\] in 3 groups .* \(built at group-norm\.test\.ts/,
  );
  expect(() => groupNorm(x, 2, { gamma: input('g', [2]) })).toThrow(/gamma \[2\] and beta \[4\]/);
});
