import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sizeOf } from '../graph/shape.ts';
import { constant, input, type Tensor } from '../graph/tensor.ts';
import { relu } from '../layers/activation.ts';
import { conv } from '../layers/convolution.ts';
import { dense as denseLayer } from '../layers/dense.ts';
import { chain, type Layer, sequential } from '../layers/layer.ts';
import { linear } from '../layers/linear.ts';
import { adaptiveAveragePool, averagePool, flatten, globalAveragePool, maxPool } from '../layers/pooling.ts';
import { residual } from '../layers/residual.ts';
import { scopeOf } from '../layers/scope.ts';
import { add } from '../operators/elementwise.ts';
import { evaluate } from '../reference/evaluate.ts';
import { relativeError, testRandom } from '../testing/numbers.ts';
import { runGraph } from '../testing/run-graph.ts';
import { densify } from './densify.ts';

/** Shares of means are float32 constants, also in the reference. */
const float32Shares = 2e-7;

const valid = { padding: 'valid' } as const;
const random = testRandom(7);

/** The logits that a layer gives for an image, with random constants as parameters. */
function classifier(layer: Layer): (image: Tensor) => Tensor {
  const parameters = new Map<string, Tensor>();
  const source = {
    parameter: (name: string, { shape }: { shape: readonly number[] }) => {
      const known =
        parameters.get(name) ??
        constant(
          Float32Array.from({ length: sizeOf(shape) }, () => 0.4 * random.normal()),
          shape,
        );
      parameters.set(name, known);
      return known;
    },
    batchNorm: (_: string, x: Tensor) => x,
    dropout: (_: string, x: Tensor) => x,
  };
  return (image) => layer(scopeOf(source), image);
}

const step = (channels: number, kernel: number | readonly number[], stride = 1): Layer =>
  chain(conv(channels, { kernel, stride, ...valid }), relu);

const networks: Record<string, Layer> = {
  'VGG-like, pooled head': sequential([
    step(3, 3),
    maxPool({ kernel: 2 }),
    step(4, 3),
    maxPool({ kernel: 2 }),
    step(4, 2),
    globalAveragePool,
    flatten,
    linear(3),
  ]),
  'VGG-like, bins and linear layers': sequential([
    step(3, 3),
    maxPool({ kernel: 2 }),
    step(4, 3),
    adaptiveAveragePool(3),
    flatten,
    linear(5),
    relu,
    linear(2),
  ]),
  'bins of even width that overlap': sequential([
    step(3, 3),
    maxPool({ kernel: 2 }),
    adaptiveAveragePool([4, 7]),
    flatten,
    linear(5),
    relu,
    linear(2),
  ]),
  'strided convolutions, overlapping pools': sequential([
    step(4, 5, 2),
    maxPool({ kernel: 3, stride: 2 }),
    step(3, 3),
    averagePool({ kernel: 2, stride: 1 }),
    flatten,
    linear(2),
  ]),
  'residual blocks, with and without projection': sequential([
    step(3, 3),
    residual({ body: sequential([step(3, 3), conv(3, { kernel: 3, ...valid })]) }),
    relu,
    residual({
      body: sequential([step(4, 3, 2), conv(4, { kernel: 1, ...valid })]),
      shortcut: conv(4, { kernel: 1, stride: 2, ...valid }),
      stride: 2,
    }),
    relu,
    globalAveragePool,
    flatten,
    linear(2),
  ]),
  'means of maps as logits': sequential([
    step(3, 3),
    maxPool({ kernel: 2 }),
    step(4, 3),
    step(3, 1),
    globalAveragePool,
    flatten,
  ]),
  'dense blocks and a transition': sequential([
    step(3, 3),
    denseLayer(step(2, 3)),
    denseLayer(step(2, 3)),
    averagePool({ kernel: 2 }),
    denseLayer(step(2, 3)),
    globalAveragePool,
    flatten,
    linear(2),
  ]),
};

interface Setting {
  readonly layer: Layer;
  readonly patchSize: readonly [number, number];
  readonly imageSize: readonly [number, number];
  readonly stride: readonly [number, number];
}

/** Both ways, window by window and all at once. */
async function bothWays({ layer, patchSize, imageSize, stride }: Setting) {
  const network = classifier(layer);
  const patch = input('patch', [1, 2, ...patchSize]);
  const image = input('image', [1, 2, ...imageSize]);
  const logits = network(patch);
  const dense = densify(logits, patch, image, stride);
  const pixels = Float64Array.from({ length: sizeOf(image.shape) }, () => Math.fround(random.normal()));
  const [, classes, rows, columns] = dense.shape as [number, number, number, number];
  const expected = new Float64Array(classes * rows * columns);
  const cut = new Float64Array(sizeOf(patch.shape));
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let to = 0;
      for (let c = 0; c < 2; c++) {
        for (let y = 0; y < patchSize[0]; y++) {
          const from = (c * imageSize[0] + i * stride[0] + y) * imageSize[1] + j * stride[1];
          for (let x = 0; x < patchSize[1]; x++) cut[to++] = pixels[from + x]!;
        }
      }
      const [scores] = evaluate([logits], new Map([[patch, cut]]));
      for (let k = 0; k < classes; k++) expected[(k * rows + i) * columns + j] = scores![k]!;
    }
  }
  return { dense, expected, rows, columns, feeds: new Map([[image, pixels]]) };
}

describe.each(Object.entries(networks))('%s', (_, layer) => {
  test.each([
    { patchSize: [21, 21], imageSize: [30, 33], stride: [1, 1] },
    { patchSize: [22, 21], imageSize: [31, 30], stride: [2, 2] },
    { patchSize: [23, 24], imageSize: [39, 33], stride: [4, 4] },
    { patchSize: [21, 23], imageSize: [37, 44], stride: [3, 7] },
    { patchSize: [22, 22], imageSize: [46, 22], stride: [8, 8] },
    { patchSize: [21, 22], imageSize: [33, 39], stride: [1, 6] },
  ] as const)('as window by window: $patchSize in $imageSize at stride $stride', async (sizes) => {
    const { dense, expected, rows, columns, feeds } = await bothWays({ layer, ...sizes });
    const { patchSize, imageSize, stride } = sizes;
    expect(rows).toBe(Math.floor((imageSize[0] - patchSize[0]) / stride[0]) + 1);
    expect(columns).toBe(Math.floor((imageSize[1] - patchSize[1]) / stride[1]) + 1);
    expect(relativeError(evaluate([dense], feeds)[0]!, expected)).toBeLessThan(float32Shares);
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    const [found] = await runGraph([dense], feeds);
    for (const [i, value] of expected.entries()) {
      expect(Math.abs(found![i]! - value)).toBeLessThan(1e-4 * largest);
    }
  });
});

test('any sizes and strides: as window by window', async () => {
  const names = Object.keys(networks);
  const size = (least: number, most: number) =>
    fc.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most }));
  const settings = fc.record({
    name: fc.constantFrom(...names),
    patchSize: size(24, 30),
    rest: size(0, 9),
    stride: size(1, 9),
  });
  await fc.assert(
    fc.asyncProperty(settings, async ({ name, patchSize, rest, stride }) => {
      const imageSize = [patchSize[0] + rest[0], patchSize[1] + rest[1]] as const;
      const { dense, expected, feeds } = await bothWays({
        layer: networks[name]!,
        patchSize,
        imageSize,
        stride,
      });
      expect(relativeError(evaluate([dense], feeds)[0]!, expected)).toBeLessThan(float32Shares);
    }),
    { numRuns: 30, seed: 1 },
  );
});

test('zeros around a patch become its neighbourhood: away from the border, padded equals unpadded with that much more', async () => {
  const padded = sequential([
    chain(conv(3, { kernel: 3 }), relu),
    maxPool({ kernel: 2 }),
    conv(3, { kernel: 3 }),
    globalAveragePool,
    flatten,
    linear(2),
  ]);
  const network = classifier(padded);
  const patch = input('patch', [1, 2, 12, 12]);
  const image = input('image', [1, 2, 20, 20]);
  const dense = densify(network(patch), patch, image, [2, 2]);
  expect(dense.shape).toEqual([1, 2, 5, 5]);
});

test('what cannot be made dense is refused by name', () => {
  const patch = input('patch', [1, 2, 8, 8]);
  const image = input('image', [1, 2, 20, 20]);
  const wholePatch = sequential([conv(3, { kernel: 3, ...valid }), flatten, linear(2)]);
  const logits = classifier(wholePatch)(patch);
  expect(() => densify(logits, patch, input('small', [1, 2, 7, 20]), [1, 1])).toThrow(
    /densify: patches \[1, 2, 8, 8\]/,
  );
  expect(() => densify(logits, patch, image, [0, 1])).toThrow(/strides from 1 on/);
  const positions = constant(new Float32Array(6 * 6), [6, 6]);
  expect(() => {
    const features = classifier(conv(3, { kernel: 3, ...valid }))(patch);
    const marked = classifier(sequential([flatten, linear(2)]))(add(features, positions));
    return densify(marked, patch, image, [1, 1]);
  }).toThrow(/cannot be made dense: it differs from pixel to pixel/);
  expect(() => densify(classifier(conv(3, { kernel: 3, ...valid }))(patch), patch, image, [1, 1])).toThrow(
    /does not end in one vector/,
  );
});
