import { expect, test } from 'vitest';
import { hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { runTorch } from '../../../../testing/torch.ts';
import { inferenceForm } from '../graph/composite.ts';
import { input, type Tensor } from '../graph/tensor.ts';
import { writeModel } from '../onnx/write-model.ts';
import { evaluate } from '../reference/evaluate.ts';
import { checkOperator, compareWithPeer, type PeerCase, randomValues } from '../testing/check-operator.ts';
import { relativeError } from '../testing/numbers.ts';
import { runGraph, runModel } from '../testing/run-graph.ts';
import { repeat } from './repeat.ts';
import { enlargeLinear, resizeLinear, resizeNearest } from './resize.ts';

const nearest: PeerCase[] = [
  { shape: [2, 3, 3, 2], factor: [2, 2] },
  { shape: [1, 2, 2, 3], factor: [3, 1] },
  { shape: [1, 2, 2, 3, 2], factor: [2, 2, 2] },
  { shape: [2, 1, 2, 1, 3], factor: [1, 3, 2] },
  { shape: [2, 3, 4], factor: [2] },
].map(({ shape, factor }) => ({
  name: `resizeNearest of ${shape.join(' x ')} by ${factor.join(' x ')}`,
  shapes: [shape],
  build: (x) => resizeNearest(x, factor),
  peer: `F.interpolate(x[0], scale_factor=${JSON.stringify(factor)}, mode='nearest')`,
}));
const linear: PeerCase[] = [
  { shape: [2, 3, 3, 4], size: [6, 8] },
  { shape: [1, 2, 4, 3], size: [7, 5] },
  { shape: [1, 2, 7, 6], size: [4, 3] },
  { shape: [1, 1, 1, 3], size: [4, 3] },
  { shape: [1, 2, 2, 3, 3], size: [4, 6, 6] },
  { shape: [1, 2, 3, 4, 2], size: [5, 4, 7] },
  { shape: [2, 2, 5], size: [10] },
  { shape: [1, 1, 3, 70], size: [6, 140] },
].map(({ shape, size }) => ({
  name: `resizeLinear of ${shape.join(' x ')} to ${size.join(' x ')}`,
  shapes: [shape],
  build: (x) => resizeLinear(x, size),
  peer: `F.interpolate(x[0], size=${JSON.stringify(size)}, mode='${['linear', 'bilinear', 'trilinear'][size.length - 1]}')`,
}));

checkOperator([
  ...nearest,
  ...linear,
  { name: 'repeat', shapes: [[2, 2, 3, 2]], build: (x) => repeat(x, [3, 2]) },
  { name: 'repeat in 3-D', shapes: [[1, 2, 2, 3, 2]], build: (x) => repeat(x, [2, 1, 3]) },
]);

test.skipIf(!hasSystemTools(['python3-torch']))(needs(['python3-torch'], 'resizing as PyTorch does it'), () =>
  compareWithPeer([...nearest, ...linear], runTorch),
);

test.each(linear)('$name: the form for inference gives the same', async ({ shapes, build }) => {
  const x = input('x', shapes[0]!);
  const y = build(x);
  const [inference] = inferenceForm([y]);
  const feeds = new Map([[x, randomValues(x.shape, 1)]]);
  const [exact, found] = evaluate([y, inference!], feeds);
  expect(relativeError(found!, exact!)).toBeLessThan(1e-7);
  expect(relativeError((await runGraph([inference!], feeds))[0]!, exact!)).toBeLessThan(2e-6);
});

test.each([
  { rank: 2, of: (x: Tensor) => resizeNearest(x, 2) },
  { rank: 3, of: (x: Tensor) => resizeNearest(x, [1, 2, 3]) },
  { rank: 2, of: (x: Tensor) => enlargeLinear(x, [2, 3]) },
  { rank: 3, of: (x: Tensor) => enlargeLinear(x, 2) },
])('a model of open sizes resizes images of $rank axes of any size', async ({ rank, of }) => {
  const build = (spatial: number[]) => {
    const x = input('x', [1, 2, ...spatial]);
    return { x, y: of(x) };
  };
  const openAxes = [undefined, undefined, 'D', 'H', 'W'].toSpliced(2, 3 - rank);
  const model = writeModel({ name: 'm', outputs: { y: build([2, 2, 2].slice(0, rank)).y }, openAxes });
  const { x, y } = build([5, 3, 4].slice(0, rank));
  const data = randomValues(x.shape, 1);
  const [exact] = evaluate([y], new Map([[x, data]]));
  const found = await runModel(model, { x: { data, shape: x.shape } });
  expect(relativeError(found.y!, exact!)).toBeLessThan(2e-6);
});

test('sizes and factors that make no sense are refused', () => {
  const x = input('x', [1, 2, 3, 3]);
  expect(() => resizeNearest(x, 1.5)).toThrow(/resizeNearest: factor must be 2 whole numbers from 1 on/);
  expect(() => resizeLinear(x, [4])).toThrow(/resizeLinear: size must be 2 whole numbers from 1 on/);
  const openAxes = [undefined, undefined, 'H', 'W'];
  expect(() => writeModel({ name: 'm', outputs: { y: resizeLinear(x, 4) }, openAxes })).toThrow(
    /resizeLinear: \[1, 2, 3, 3\] to \[1, 2, 4, 4\] is no whole factor, and the model's sizes are open/,
  );
  expect(resizeNearest(x, 1)).toBe(x);
  expect(resizeLinear(x, 3)).toBe(x);
});
