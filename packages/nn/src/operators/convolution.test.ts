import { describe, expect, test } from 'vitest';
import { gradients } from '../autodiff/gradients.ts';
import { type Shape, sizeOf } from '../graph/shape.ts';
import { constant, input, type Tensor } from '../graph/tensor.ts';
import { evaluate } from '../reference/evaluate.ts';
import { relativeError, testRandom } from '../testing/numbers.ts';
import { runGraph } from '../testing/run-graph.ts';
import { type ConvolutionOptions, convolution, convolutionTranspose } from './convolution.ts';
import { mul } from './elementwise.ts';
import { reduceSum } from './reduce.ts';

interface Case {
  readonly name: string;
  readonly shapes: readonly Shape[];
  readonly options?: ConvolutionOptions;
  readonly size?: readonly number[];
}

const cases: Case[] = [
  { name: '3 x 3, same', shapes: [[2, 3, 6, 5], [4, 3, 3, 3], [4]], options: { pads: [1, 1, 1, 1] } },
  {
    name: '3 x 3, valid, one channel',
    shapes: [
      [1, 1, 5, 7],
      [2, 1, 3, 3],
    ],
  },
  { name: '1 x 1', shapes: [[2, 5, 4, 3], [3, 5, 1, 1], [3]] },
  {
    name: '1 x 1, stride 2, odd size',
    shapes: [
      [2, 5, 5, 6],
      [3, 5, 1, 1],
    ],
    options: { stride: [2, 2] },
  },
  {
    name: '3 x 5, uneven pads, dilated',
    shapes: [
      [2, 2, 7, 9],
      [3, 2, 3, 5],
    ],
    options: { pads: [2, 1, 0, 3], dilation: [2, 2] },
  },
  {
    name: '3 x 3, stride 2, even size',
    shapes: [[2, 3, 8, 6], [4, 3, 3, 3], [4]],
    options: { stride: [2, 2], pads: [1, 1, 1, 1] },
  },
  {
    name: '7 x 7, stride 2, odd size, as the stem of ResNet',
    shapes: [
      [2, 3, 13, 15],
      [4, 3, 7, 7],
    ],
    options: { stride: [2, 2], pads: [3, 3, 3, 3] },
  },
  {
    name: '3 x 2, strides 3 and 2, dilations 1 and 3',
    shapes: [
      [1, 2, 9, 11],
      [3, 2, 3, 2],
    ],
    options: { stride: [3, 2], dilation: [1, 3], pads: [0, 1, 1, 0] },
  },
  {
    name: 'more weights than pixels',
    shapes: [
      [2, 6, 2, 3],
      [5, 6, 3, 3],
    ],
    options: { pads: [1, 0, 1, 2], dilation: [1, 1] },
  },
  {
    name: 'more pixels than channels, image by image',
    shapes: [
      [3, 1, 5, 6],
      [2, 1, 3, 3],
    ],
    options: { pads: [1, 1, 1, 1] },
  },
  {
    name: 'more channels in than out, image by image',
    shapes: [
      [2, 3, 5, 6],
      [2, 3, 3, 3],
    ],
    options: { pads: [1, 2, 0, 1] },
  },
  {
    name: 'more channels in than out, one filter, even kernel',
    shapes: [
      [3, 2, 4, 5],
      [1, 2, 2, 3],
    ],
  },
  {
    name: 'pads wider than the kernel',
    shapes: [
      [1, 2, 3, 3],
      [2, 2, 2, 2],
    ],
    options: { pads: [3, 2, 2, 3] },
  },
  {
    name: 'two groups',
    shapes: [[2, 4, 5, 6], [6, 2, 3, 3], [6]],
    options: { groups: 2, pads: [1, 1, 1, 1] },
  },
  {
    name: 'depthwise, stride 2, dilated',
    shapes: [
      [2, 3, 9, 8],
      [3, 1, 3, 3],
    ],
    options: { groups: 3, stride: [2, 2], dilation: [2, 1], pads: [1, 1, 1, 1] },
  },
  {
    name: '1 x 1 in two groups',
    shapes: [
      [2, 4, 3, 3],
      [2, 2, 1, 1],
    ],
    options: { groups: 2 },
  },
  { name: '1-D', shapes: [[2, 3, 9], [4, 3, 3], [4]], options: { stride: [2], pads: [1, 1] } },
  {
    name: '3-D, same',
    shapes: [[1, 2, 4, 5, 3], [3, 2, 3, 3, 3], [3]],
    options: { pads: [1, 1, 1, 1, 1, 1] },
  },
  {
    name: '3-D, stride 2, anisotropic kernel',
    shapes: [
      [2, 2, 5, 6, 7],
      [3, 2, 1, 3, 3],
    ],
    options: { stride: [1, 2, 2], pads: [0, 1, 1, 0, 1, 1] },
  },
  {
    name: '3-D, dilated, in groups',
    shapes: [
      [1, 4, 5, 5, 6],
      [2, 2, 3, 2, 2],
    ],
    options: { groups: 2, dilation: [2, 1, 2] },
  },
  {
    name: 'transpose, stride 2 with a row left over',
    shapes: [
      [2, 4, 3, 4],
      [4, 3, 3, 3],
    ],
    options: { stride: [2, 2], pads: [1, 1, 1, 1] },
    size: [6, 7],
  },
  {
    name: 'transpose in groups, stride 3',
    shapes: [
      [2, 4, 2, 3],
      [4, 3, 2, 2],
    ],
    options: { stride: [3, 3], groups: 2 },
    size: [7, 8],
  },
  {
    name: 'transpose, stride 1, dilated',
    shapes: [
      [2, 4, 3, 4],
      [4, 3, 2, 3],
    ],
    options: { dilation: [2, 1], pads: [1, 0, 0, 1] },
    size: [4, 5],
  },
  {
    name: '3-D transpose, stride 2',
    shapes: [
      [1, 2, 2, 3, 2],
      [2, 3, 3, 3, 3],
    ],
    options: { stride: [2, 2, 2], pads: [1, 1, 1, 1, 1, 1] },
    size: [4, 5, 3],
  },
];

function randomValues(shape: Shape, seed: number): Float64Array {
  const random = testRandom(seed);
  return Float64Array.from({ length: sizeOf(shape) }, () => Math.fround(random.normal()));
}

describe.each(cases)('convolution: $name', ({ shapes, options, size }) => {
  const sources = shapes.map((shape, i) => input(`x${i}`, shape));
  const [x, w, bias] = sources as [Tensor, Tensor, Tensor?];
  const feeds = new Map(sources.map((tensor, i) => [tensor, randomValues(tensor.shape, i + 1)]));
  const result =
    size === undefined
      ? convolution(x, w, { ...options, ...(bias && { bias }) })
      : convolutionTranspose(x, w, { ...options, size });
  // A loss that weighs every element differently: a permuted gradient is then a wrong one.
  const weights = constant(Float32Array.from(randomValues(result.shape, 99)), result.shape);
  const loss = reduceSum(mul(result, weights));
  const derivatives = gradients(loss, sources);

  test('ONNX Runtime gives the value and the derivative of the float64 reference', async () => {
    const expected = evaluate([result, ...derivatives], feeds);
    const found = await runGraph([result, ...derivatives], feeds);
    for (const [i, values] of expected.entries()) expect(relativeError(found[i]!, values)).toBeLessThan(2e-6);
  });

  test('the derivative agrees with finite differences in float64', () => {
    const exact = evaluate(derivatives, feeds);
    const h = 1e-6;
    for (const [i, source] of sources.entries()) {
      const numbers = feeds.get(source)!;
      const estimate = numbers.map((value, k) => {
        const at = (moved: number) =>
          evaluate([loss], new Map([...feeds, [source, numbers.with(k, moved)]]))[0]![0]!;
        return (at(value + h) - at(value - h)) / (2 * h);
      });
      expect(relativeError(estimate, exact[i]!)).toBeLessThan(1e-7);
    }
  });

  test('the reference agrees with the definition, summed element by element', () => {
    const [value] = evaluate([result], feeds);
    expect(
      relativeError(value!, byDefinition(shapes, feeds, sources, result.shape, options, size)),
    ).toBeLessThan(1e-14);
  });
});

/** The sum of the definition over every pair of image and output positions, nothing else known. */
function byDefinition(
  shapes: readonly Shape[],
  feeds: ReadonlyMap<Tensor, Float64Array>,
  [x, w, bias]: readonly Tensor[],
  outputShape: Shape,
  options: ConvolutionOptions = {},
  size?: readonly number[],
): Float64Array {
  const rank = shapes[0]!.length - 2;
  const { groups = 1 } = options;
  const stride = options.stride ?? new Array<number>(rank).fill(1);
  const dilation = options.dilation ?? new Array<number>(rank).fill(1);
  const pads = options.pads ?? new Array<number>(2 * rank).fill(0);
  const small = size === undefined ? outputShape : shapes[0]!;
  const large = size === undefined ? shapes[0]! : outputShape;
  const [k, inGroup, ...kernel] = shapes[1]! as [number, number, ...number[]];
  const values = new Float64Array(sizeOf(outputShape));
  const unravel = (index: number, sizes: readonly number[]) => {
    const position = new Array<number>(sizes.length);
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      position[axis] = index % sizes[axis]!;
      index = Math.floor(index / sizes[axis]!);
    }
    return position;
  };
  const ravel = (position: readonly number[], sizes: readonly number[]) =>
    position.reduce((index, at, axis) => index * sizes[axis]! + at, 0);
  const xValues = feeds.get(x!)!;
  const wValues = feeds.get(w!)!;
  for (let o = 0; o < sizeOf(small); o++) {
    const [n, filter, ...position] = unravel(o, small) as [number, number, ...number[]];
    if (size === undefined && bias !== undefined) values[o]! += feeds.get(bias)![filter]!;
    for (let t = 0; t < inGroup * sizeOf(kernel); t++) {
      const [channel, ...tap] = unravel(t, [inGroup, ...kernel]) as [number, ...number[]];
      const at = position.map((i, axis) => i * stride[axis]! + tap[axis]! * dilation[axis]! - pads[axis]!);
      if (at.some((i, axis) => i < 0 || i >= large[axis + 2]!)) continue;
      const plane = Math.floor(filter / (k / groups)) * inGroup + channel;
      const place = ravel([n, plane, ...at], large);
      const weight = wValues[filter * inGroup * sizeOf(kernel) + t]!;
      if (size === undefined) values[o]! += xValues[place]! * weight;
      else values[place]! += xValues[o]! * weight;
    }
  }
  return values;
}

test('a convolution by hand', () => {
  const x = input('x', [1, 1, 3, 3]);
  const w = input('w', [1, 1, 2, 2]);
  const feeds = new Map([
    [x, [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    [w, [1, 10, 100, 1000]],
  ]);
  const y = convolution(x, w);
  expect([...evaluate([y], feeds)[0]!]).toEqual([5421, 6532, 8754, 9865]);
  const [dw] = gradients(reduceSum(y), [w]);
  expect([...evaluate([dw!], feeds)[0]!]).toEqual([12, 16, 24, 28]);
});

test('what does not fit is refused where the graph is built, with operator and shapes', () => {
  const x = input('x', [2, 3, 8, 8]);
  expect(() => convolution(x, input('w', [4, 2, 3, 3]))).toThrow(
    /convolution: image \[2, 3, 8, 8\] and weights \[4, 2, 3, 3\]/,
  );
  expect(() => convolution(x, input('w', [4, 3, 9, 9]))).toThrow(/too small/);
  expect(() => convolution(x, input('w', [4, 3, 3]))).toThrow(/same rank/);
  expect(() => convolution(x, input('w', [4, 1, 3, 3]), { groups: 3 })).toThrow(/in 3 groups/);
  expect(() => convolution(x, input('w', [4, 3, 3, 3]), { stride: [0, 1] })).toThrow(/stride \[0, 1\]/);
  expect(() => convolution(x, input('w', [4, 3, 3, 3]), { pads: [1, 1] })).toThrow(/4 pads/);
  expect(() => convolutionTranspose(x, input('w', [3, 4, 3, 3]), { stride: [2, 2], size: [40, 40] })).toThrow(
    /do not give \[2, 4, 40, 40\]/,
  );
});
