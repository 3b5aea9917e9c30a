import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { runTorch } from '../../../../testing/torch.ts';
import { gradients } from '../autodiff/gradients.ts';
import { type Shape, sizeOf } from '../graph/shape.ts';
import { constant, input, type Tensor } from '../graph/tensor.ts';
import { blockDomain } from '../onnx/channel-blocks.ts';
import { buildModel, writeModel } from '../onnx/write-model.ts';
import { evaluate } from '../reference/evaluate.ts';
import { probeChannelBlock } from '../runtime/probe-blocks.ts';
import { checkOperator, compareWithPeer, randomValues } from '../testing/check-operator.ts';
import { relativeError } from '../testing/numbers.ts';
import { runGraph, runModel } from '../testing/run-graph.ts';
import { adaptiveAveragePool, averagePool, globalAveragePool } from './average-pooling.ts';
import { convolution } from './convolution.ts';
import { mul, relu } from './elementwise.ts';
import type { PoolOptions } from './pool-windows.ts';
import { maxPool, maxPool2 } from './pooling.ts';
import { reduceSum } from './reduce.ts';

const geometries: { name: string; shape: Shape; options: PoolOptions }[] = [
  { name: '2 x 2', shape: [2, 3, 4, 6], options: { kernel: 2 } },
  { name: '2 x 2, odd size', shape: [2, 3, 5, 7], options: { kernel: 2 } },
  { name: '2 x 2, odd size, ceil', shape: [1, 2, 5, 7], options: { kernel: 2, ceilMode: true } },
  {
    name: '3 x 3, stride 2, as SqueezeNet',
    shape: [1, 2, 8, 9],
    options: { kernel: 3, stride: 2, ceilMode: true },
  },
  {
    name: '3 x 3, stride 2, padded, as ResNet',
    shape: [2, 2, 8, 7],
    options: { kernel: 3, stride: 2, pads: 1 },
  },
  { name: '3 x 3, stride 1, padded', shape: [2, 2, 5, 6], options: { kernel: 3, stride: 1, pads: 1 } },
  {
    name: '2 x 3, stride 3 x 2, uneven pads',
    shape: [1, 2, 9, 8],
    options: { kernel: [2, 3], stride: [3, 2], pads: [0, 1, 1, 2] },
  },
  {
    name: '5 x 4, stride 2 x 3, ceil, padded',
    shape: [1, 2, 9, 10],
    options: { kernel: [5, 4], stride: [2, 3], pads: [2, 1], ceilMode: true },
  },
  {
    name: '3 x 3, stride 4, ceil: a last window would begin in the padding',
    shape: [1, 1, 8, 11],
    options: { kernel: 3, stride: 4, pads: 1, ceilMode: true },
  },
  { name: '1 x 1, stride 2', shape: [1, 2, 4, 5], options: { kernel: 1, stride: 2 } },
  { name: '3-D, 2 x 2 x 2', shape: [2, 2, 4, 2, 6], options: { kernel: 2 } },
  { name: '3-D, 1 x 2 x 2, odd', shape: [1, 2, 3, 5, 4], options: { kernel: [1, 2, 2] } },
  {
    name: '3-D, 3 x 3 x 3, stride 2, padded',
    shape: [1, 2, 5, 6, 7],
    options: { kernel: 3, stride: 2, pads: 1 },
  },
  { name: '1-D', shape: [2, 3, 9], options: { kernel: 3, stride: 2, pads: 1 } },
];

checkOperator([
  ...geometries.map(({ name, shape, options }) => ({
    name: `maxPool ${name}`,
    shapes: [shape],
    build: (x: Tensor) => maxPool(x, options),
  })),
  ...geometries.flatMap(({ name, shape, options }) =>
    [true, false].map((countIncludePad) => ({
      name: `averagePool ${name}${countIncludePad ? '' : ', padding not counted'}`,
      shapes: [shape],
      build: (x: Tensor) => averagePool(x, { ...options, countIncludePad }),
    })),
  ),
  { name: 'globalAveragePool', shapes: [[2, 3, 4, 5]], build: (x) => globalAveragePool(x) },
  { name: 'globalAveragePool, 3-D', shapes: [[2, 3, 2, 4, 5]], build: (x) => globalAveragePool(x) },
  {
    name: 'adaptiveAveragePool, to 3 x 2',
    shapes: [[2, 2, 7, 5]],
    build: (x) => adaptiveAveragePool(x, [3, 2]),
  },
  {
    name: 'adaptiveAveragePool, dividing',
    shapes: [[2, 2, 6, 4]],
    build: (x) => adaptiveAveragePool(x, [3, 2]),
  },
  { name: 'adaptiveAveragePool, to more', shapes: [[1, 2, 3, 2]], build: (x) => adaptiveAveragePool(x, 7) },
  { name: 'adaptiveAveragePool, to 1', shapes: [[2, 2, 3, 3]], build: (x) => adaptiveAveragePool(x, 1) },
  {
    name: 'adaptiveAveragePool, 3-D',
    shapes: [[1, 2, 3, 5, 4]],
    build: (x) => adaptiveAveragePool(x, [2, 3, 4]),
  },
]);

test('adaptiveAveragePool of an image of that size is the image', () => {
  const x = input('x', [1, 2, 7, 7]);
  expect(adaptiveAveragePool(x, 7)).toBe(x);
});

test('tied pixels: the first in row-major order gets the gradient of max-pooling, as in PyTorch', async () => {
  const x = input('x', [1, 1, 2, 8]);
  const [dx] = gradients(reduceSum(maxPool2(x)), [x]);
  // Windows: all equal; tie of right top and left bottom; tie in the lower row; no tie.
  const feeds = new Map([[x, [3, 3, 1, 5, 0, 0, 1, 2, 3, 3, 5, 1, 4, 4, 3, 9]]]);
  const expected = [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1];
  expect([...evaluate([dx!], feeds)[0]!]).toEqual(expected);
  expect([...(await runGraph([dx!], feeds))[0]!]).toEqual(expected);
});

/** Max-pooling and its gradient written down window by window, for images [D, H, W]. */
function naiveMaxPool(
  image: number[],
  [depth, height, width]: number[],
  counts: readonly number[],
  { kernel, stride, pads }: { kernel: number[]; stride: number[]; pads: number[] },
  dy: (index: number) => number,
) {
  const y: number[] = [];
  const dx = new Array<number>(image.length).fill(0);
  for (let i = 0; i < counts[0]!; i++)
    for (let j = 0; j < counts[1]!; j++)
      for (let k = 0; k < counts[2]!; k++) {
        const inWindow = image.flatMap((value, offset) => {
          const at = [
            Math.floor(offset / (height! * width!)),
            Math.floor(offset / width!) % height!,
            offset % width!,
          ];
          const inside = at.every((position, axis) => {
            const start = [i, j, k][axis]! * stride[axis]! - pads[axis]!;
            return position >= start && position < start + kernel[axis]!;
          });
          return inside && at[0]! < depth! ? [{ value, offset }] : [];
        });
        const best = inWindow.reduce((a, b) => (b.value > a.value ? b : a));
        dx[best.offset]! += dy(y.length);
        y.push(best.value);
      }
  return { y, dx };
}

const axis = fc
  .record({
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 3 }),
    size: fc.integer({ min: 3, max: 6 }),
  })
  .chain((sizes) =>
    fc.record({ pad: fc.integer({ min: 0, max: sizes.kernel - 1 }) }).map((pads) => ({ ...sizes, ...pads })),
  );

test('max-pooling of images full of ties, against a naive one', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(axis, { minLength: 2, maxLength: 3 }),
      fc.boolean(),
      fc.infiniteStream(fc.integer({ min: 0, max: 2 })),
      async (axes, ceilMode, numbers) => {
        const spatial = axes.map(({ size }) => size);
        const options = {
          kernel: axes.map(({ kernel }) => kernel),
          stride: axes.map(({ stride }) => stride),
          pads: axes.map(({ pad }) => pad),
        };
        const x = input('x', [1, 1, ...spatial]);
        const y = maxPool(x, { ...options, ceilMode });
        const dy = input('dy', y.shape);
        const outputs = [y, ...gradients(reduceSum(mul(y, dy)), [x])];
        const image = Array.from({ length: sizeOf(spatial) }, () => numbers.next().value);
        const feeds = new Map([
          [x, image],
          [dy, Array.from({ length: sizeOf(y.shape) }, (_, i) => i + 1)],
        ]);
        const lead = new Array<number>(3 - axes.length).fill(1);
        const none = lead.map(() => 0);
        const expected = naiveMaxPool(
          image,
          [...lead, ...spatial],
          [...lead, ...y.shape.slice(2)],
          {
            kernel: [...lead, ...options.kernel],
            stride: [...lead, ...options.stride],
            pads: [...none, ...options.pads],
          },
          (i) => i + 1,
        );
        for (const [values, slopes] of [evaluate(outputs, feeds), await runGraph(outputs, feeds)]) {
          expect([...values!]).toEqual(expected.y);
          expect([...slopes!]).toEqual(expected.dx);
        }
      },
    ),
    { numRuns: 60, seed: 5 },
  );
});

/** A pooling function of PyTorch on x[0]. It pads both sides alike, and takes one number for all axes or one each. */
function torchPool(name: string, { shape, options }: (typeof geometries)[number], extra = ''): string {
  const { kernel, stride = kernel, pads = 0, ceilMode = false } = options;
  const python = (value: unknown) => JSON.stringify(value);
  const mode = ceilMode ? 'True' : 'False';
  return `F.${name}${shape.length - 2}d(x[0], ${python(kernel)}, ${python(stride)}, ${python(pads)}, ceil_mode=${mode}${extra})`;
}

test.skipIf(!hasSystemTools(['python3-torch']))(
  needs(['python3-torch'], 'pooling as PyTorch does it: shapes, values, gradients, ties'),
  () => {
    const even = geometries.filter(
      ({ options }) => !Array.isArray(options.pads) || options.pads.length === 2,
    );
    // Whole numbers: plenty of ties.
    const value = (normal: number) => Math.round(2 * normal);
    compareWithPeer(
      even.flatMap((geometry) => {
        const { name, shape, options } = geometry;
        const shapes = [shape];
        return [
          {
            name,
            shapes,
            value,
            build: (x: Tensor) => maxPool(x, options),
            peer: torchPool('max_pool', geometry),
          },
          {
            name,
            shapes,
            value,
            build: (x: Tensor) => averagePool(x, options),
            peer: torchPool('avg_pool', geometry),
          },
          {
            name,
            shapes,
            value,
            build: (x: Tensor) => averagePool(x, { ...options, countIncludePad: false }),
            peer: torchPool('avg_pool', geometry, ', count_include_pad=False'),
          },
        ];
      }),
      runTorch,
    );
  },
);

test.skipIf(!hasSystemTools(['python3-torch']))(
  needs(['python3-torch'], 'adaptive average pooling as PyTorch does it'),
  () => {
    const sizes: { shape: Shape; size: number[] }[] = [
      { shape: [1, 2, 9, 13], size: [7, 7] },
      { shape: [1, 2, 3, 4], size: [7, 6] },
      { shape: [2, 1, 5, 6, 7], size: [2, 3, 4] },
    ];
    compareWithPeer(
      sizes.map(({ shape, size }) => ({
        name: size.join(' x '),
        shapes: [shape],
        build: (x) => adaptiveAveragePool(x, size),
        peer: `F.adaptive_avg_pool${size.length}d(x[0], ${JSON.stringify(size)})`,
      })),
      runTorch,
    );
  },
);

const block = await probeChannelBlock();
const inBlocks: { name: string; spatial: number[]; pool: (x: Tensor) => Tensor }[] = [
  { name: 'maxPool 2 x 2', spatial: [56, 56], pool: (x) => maxPool2(x) },
  {
    name: 'maxPool 3 x 3, overlapping',
    spatial: [55, 57],
    pool: (x) => maxPool(x, { kernel: 3, stride: 2, pads: 1 }),
  },
  {
    name: 'maxPool, ceil',
    spatial: [56, 60],
    pool: (x) => maxPool(x, { kernel: 3, stride: 2, ceilMode: true }),
  },
  { name: 'maxPool 2 x 2 x 2', spatial: [4, 28, 30], pool: (x) => maxPool(x, { kernel: 2 }) },
  { name: 'maxPool 1 x 2 x 2', spatial: [3, 32, 34], pool: (x) => maxPool(x, { kernel: [1, 2, 2] }) },
  {
    name: 'maxPool 3 x 3 x 3, overlapping',
    spatial: [5, 26, 27],
    pool: (x) => maxPool(x, { kernel: 3, stride: 2, pads: 1, ceilMode: true }),
  },
  { name: 'averagePool', spatial: [56, 57], pool: (x) => averagePool(x, { kernel: 3, stride: 2, pads: 1 }) },
];

test.skipIf(block === 1).each(inBlocks)(
  '$name of values in blocks of channels',
  async ({ spatial, pool }) => {
    const rank = spatial.length;
    const x = input('x', [2, 16, ...spatial]);
    const w = input('w', [32, 16, ...spatial.map(() => 3)]);
    // Half of the pixels are 0 after the ReLU: plenty of ties.
    const y = pool(relu(convolution(x, w, { pads: new Array<number>(2 * rank).fill(1) })));
    const factors = constant(Float32Array.from(randomValues(y.shape, 9)), y.shape);
    const outputs = [y, ...gradients(reduceSum(mul(y, factors)), [x, w])];
    const { nodes } = buildModel({ name: 'm', outputs: { y }, channelBlock: block }).graph;
    const ofPool = nodes.findLast(({ type }) => /Pool/.test(type));
    expect(ofPool?.domain).toBe(blockDomain);
    const feeds = new Map([x, w].map((tensor, i) => [tensor, randomValues(tensor.shape, i + 1)]));
    const expected = evaluate(outputs, feeds);
    const found = await runGraph(outputs, feeds, { channelBlock: block });
    for (const [i, values] of expected.entries()) expect(relativeError(found[i]!, values)).toBeLessThan(5e-6);
  },
);

test.each([true, false])('models of open sizes pool images of any size (ceil mode: %s)', async (ceilMode) => {
  const options = { kernel: 3, stride: 2, pads: 1, ceilMode };
  const build = (shape: Shape) => {
    const x = input('x', shape);
    const pools = [
      maxPool(x, options),
      averagePool(x, options),
      averagePool(x, { ...options, countIncludePad: false }),
      globalAveragePool(x),
    ];
    return { x, outputs: Object.fromEntries(pools.map((pool, i) => [`y${i}`, pool])) };
  };
  const openAxes = ['N', undefined, 'H', 'W'];
  const model = writeModel({ name: 'm', outputs: build([1, 2, 6, 6]).outputs, openAxes });
  for (const shape of [
    [2, 2, 7, 10],
    [1, 2, 9, 4],
    [1, 2, 6, 6],
  ]) {
    const { x, outputs } = build(shape);
    const data = randomValues(shape, 1);
    const expected = evaluate(Object.values(outputs), new Map([[x, data]]));
    const found = await runModel(model, { x: { data, shape } });
    for (const [i, name] of Object.keys(outputs).entries()) {
      expect(relativeError(found[name]!, expected[i]!), `${name} of ${shape}`).toBeLessThan(2e-6);
    }
  }
});

test('kernels, strides and pads that make no sense are refused', () => {
  const x = input('x', [1, 1, 5, 4]);
  expect(() => maxPool(x, { kernel: 6 })).toThrow(/maxPool: kernel \[6, 6\] .* does not suit \[1, 1, 5, 4\]/);
  expect(() => averagePool(x, { kernel: 2, pads: 2 })).toThrow(
    /averagePool: .*pads must be smaller than the kernel/,
  );
  expect(() => maxPool(x, { kernel: [2, 2, 2] })).toThrow(
    /maxPool: kernel must be 2 whole numbers from 1 on/,
  );
  expect(() => maxPool(x, { kernel: 2, stride: 0 })).toThrow(
    /maxPool: stride must be 2 whole numbers from 1 on/,
  );
  expect(() => maxPool(input('v', [5, 4]), { kernel: 2 })).toThrow(/maxPool: expected float32 \[N, C, ...\]/);
});
