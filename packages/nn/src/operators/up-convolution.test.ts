import { expect, test } from 'vitest';
import { hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { runTorch } from '../../../../testing/torch.ts';
import { input } from '../graph/tensor.ts';
import { writeModel } from '../onnx/write-model.ts';
import { evaluate } from '../reference/evaluate.ts';
import { checkOperator, compareWithPeer, type PeerCase, randomValues } from '../testing/check-operator.ts';
import { relativeError } from '../testing/numbers.ts';
import { runModel } from '../testing/run-graph.ts';
import { upConvolution } from './up-convolution.ts';

const cases: PeerCase[] = [
  { shape: [2, 3, 2, 3], kernel: [2, 2] },
  { shape: [2, 3, 3, 2], kernel: [3, 3] },
  { shape: [1, 2, 3, 4], kernel: [1, 4] },
  { shape: [2, 3, 2, 3, 2], kernel: [2, 2, 2] },
  { shape: [1, 3, 3, 2, 2], kernel: [1, 2, 3] },
  { shape: [1, 2, 2, 2, 2], kernel: [1, 1, 1] },
  { shape: [2, 3, 5], kernel: [2] },
].map(({ shape, kernel }) => ({
  name: `upConvolution of ${shape.join(' x ')} by ${kernel.join(' x ')}`,
  shapes: [shape, [shape[1]!, 4, ...kernel], [4]],
  build: (x, w, b) => upConvolution(x!, w!, b),
  peer: `F.conv_transpose${kernel.length}d(x[0], x[1], x[2], stride=${JSON.stringify(kernel)})`,
}));
cases.push({
  name: 'upConvolution of a volume without bias',
  shapes: [
    [1, 2, 2, 3, 2],
    [2, 3, 2, 2, 2],
  ],
  build: (x, w) => upConvolution(x!, w!),
  peer: 'F.conv_transpose3d(x[0], x[1], stride=2)',
});

checkOperator(cases);

test.skipIf(!hasSystemTools(['python3-torch']))(
  needs(['python3-torch'], 'up-convolution as PyTorch does it'),
  () => compareWithPeer(cases, runTorch),
);

test('a model of open sizes enlarges volumes of any size', async () => {
  const weights = [2, 3, 2, 1, 3];
  const build = (spatial: number[]) => {
    const [x, w, b] = [input('x', [1, 2, ...spatial]), input('w', weights), input('b', [3])];
    return { sources: [x, w, b], y: upConvolution(x, w, b) };
  };
  const openAxes = [undefined, undefined, 'D', 'H', 'W'];
  // Weights have five axes, too, but their names are not those of the image: sizes that stand open are not checked.
  const model = writeModel({ name: 'm', outputs: { y: build([2, 2, 2]).y }, openAxes });
  const { sources, y } = build([3, 4, 5]);
  const values = sources.map(({ shape }, i) => randomValues(shape, i + 1));
  const [exact] = evaluate([y], new Map(sources.map((tensor, i) => [tensor, values[i]!])));
  const [x, w, b] = sources.map(({ shape }, i) => ({ data: values[i]!, shape }));
  const found = await runModel(model, { x: x!, w: w!, b: b! });
  expect(relativeError(found.y!, exact!)).toBeLessThan(2e-6);
});

test('weights of other channels or rank are refused', () => {
  const x = input('x', [1, 3, 4, 4]);
  expect(() => upConvolution(x, input('w', [2, 4, 2, 2]))).toThrow(
    /upConvolution: image \[1, 3, 4, 4\], weights \[2, 4, 2, 2\] do not fit: expected weights \[3, K, ...kernel\]/,
  );
  expect(() => upConvolution(x, input('w', [3, 4, 2, 2, 2]))).toThrow(/of the same rank/);
  expect(() => upConvolution(x, input('w', [3, 4, 2, 2]), input('b', [3]))).toThrow(/bias \[3\]/);
});
