import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runPython } from '../../../../testing/python.ts';
import { hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { gradients } from '../autodiff/gradients.ts';
import { type Shape, sizeOf } from '../graph/shape.ts';
import { input, type Tensor } from '../graph/tensor.ts';
import { evaluate } from '../reference/evaluate.ts';
import { checkOperator, randomValues } from '../testing/check-operator.ts';
import { relativeError } from '../testing/numbers.ts';
import { runGraph } from '../testing/run-graph.ts';
import {
  type AveragePoolOptions,
  adaptiveAveragePool,
  averagePool,
  globalAveragePool,
} from './average-pooling.ts';
import { mul } from './elementwise.ts';
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
  for (const portable of [false, true]) {
    expect([...(await runGraph([dx!], feeds, { portable }))[0]!]).toEqual(expected);
  }
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

test('max-pooling of images full of ties, against a naive one, in every form', async () => {
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
        const found = [
          evaluate(outputs, feeds),
          await runGraph(outputs, feeds),
          await runGraph(outputs, feeds, { portable: true }),
        ];
        for (const [values, slopes] of found) {
          expect([...values!]).toEqual(expected.y);
          expect([...slopes!]).toEqual(expected.dx);
        }
      },
    ),
    { numRuns: 60, seed: 5 },
  );
});

const torchScript = `
import json, sys, torch
data = json.load(sys.stdin)
results = []
for case in data:
    x = torch.tensor(case['x'], dtype=torch.float64).reshape(case['shape']).requires_grad_()
    name = case['name']
    rank = len(case['shape']) - 2
    options = case['options']
    function = getattr(torch.nn.functional, name + str(rank) + 'd')
    y = function(x, **options)
    (y * torch.tensor(case['dy'], dtype=torch.float64).reshape(y.shape)).sum().backward()
    results.append({'y': y.detach().flatten().tolist(), 'dx': x.grad.flatten().tolist(), 'shape': list(y.shape)})
print(json.dumps(results))
`;

interface TorchCase {
  readonly x: Tensor;
  readonly y: Tensor;
  readonly values: readonly number[];
  readonly dy: readonly number[];
  readonly request: { readonly options: unknown };
}

function compareWithTorch(cases: readonly TorchCase[]): void {
  const found = runPython<{ y: number[]; dx: number[]; shape: number[] }[]>(
    torchScript,
    cases.map(({ request }) => request),
  );
  for (const [i, { x, y, values, dy, request }] of cases.entries()) {
    const upstream = input('dy', y.shape);
    const [dx] = gradients(reduceSum(mul(y, upstream)), [x]);
    const feeds = new Map([
      [x, values],
      [upstream, dy],
    ]);
    const [ours, slopes] = evaluate([y, dx!], feeds);
    const what = JSON.stringify(request.options);
    expect(y.shape, what).toEqual(found[i]!.shape);
    // Shares of bins are float32 constants.
    expect(relativeError(ours!, found[i]!.y), what).toBeLessThan(1e-7);
    expect(relativeError(slopes!, found[i]!.dx), what).toBeLessThan(1e-7);
  }
}

test.skipIf(!hasSystemTools(['python3-torch']))(
  needs(['python3-torch'], 'pooling as PyTorch does it: shapes, values, gradients, ties'),
  () => {
    // PyTorch pads both sides alike, by at most half the kernel.
    const even = geometries.filter(
      ({ options }) => !Array.isArray(options.pads) || options.pads.length === 2,
    );
    const cases = even.flatMap(({ shape, options }) => {
      const pools = [
        { name: 'max_pool', build: maxPool, extra: {}, ours: {} },
        ...[true, false].map((countIncludePad) => ({
          name: 'avg_pool',
          build: averagePool,
          extra: { count_include_pad: countIncludePad },
          ours: { countIncludePad } satisfies Partial<AveragePoolOptions>,
        })),
      ];
      return pools.map(({ name, build, extra, ours }) => {
        const x = input('x', shape);
        // Whole numbers: plenty of ties.
        const values = [...randomValues(shape, 3, (normal) => Math.round(2 * normal))];
        const y = build(x, { ...options, ...ours });
        const dy = [...randomValues(y.shape, 4)];
        const torch = {
          kernel_size: options.kernel,
          stride: options.stride ?? options.kernel,
          padding: options.pads ?? 0,
          ceil_mode: options.ceilMode ?? false,
          ...extra,
        };
        return { x, y, values, dy, request: { name, shape, x: values, dy, options: torch } };
      });
    });
    compareWithTorch(cases);
  },
);

test.skipIf(!hasSystemTools(['python3-torch']))(
  needs(['python3-torch'], 'adaptive average pooling as PyTorch does it'),
  () => {
    const sizes = [
      { shape: [1, 2, 9, 13], size: [7, 7] },
      { shape: [1, 2, 3, 4], size: [7, 6] },
      { shape: [2, 1, 5, 6, 7], size: [2, 3, 4] },
    ];
    const cases = sizes.map(({ shape, size }) => {
      const x = input('x', shape);
      const y = adaptiveAveragePool(x, size);
      const values = [...randomValues(shape, 3)];
      const dy = [...randomValues(y.shape, 4)];
      const options = { output_size: size };
      return { x, y, values, dy, request: { name: 'adaptive_avg_pool', shape, x: values, dy, options } };
    });
    compareWithTorch(cases);
  },
);

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
