import { expect, test } from 'vitest';
import { inferenceForm } from '../graph/composite.ts';
import { constant, input, type Tensor } from '../graph/tensor.ts';
import { averagePool } from '../operators/average-pooling.ts';
import { convolution, convolutionTranspose } from '../operators/convolution.ts';
import { add } from '../operators/elementwise.ts';
import { reshape, slice } from '../operators/layout.ts';
import { pad } from '../operators/pad.ts';
import { maxPool } from '../operators/pooling.ts';
import { repeat } from '../operators/repeat.ts';
import { resizeLinear } from '../operators/resize.ts';
import { evaluate } from '../reference/evaluate.ts';
import { receptiveFields } from './receptive-field.ts';

const ones = (kernel: readonly [number, number]) =>
  constant(new Float32Array(kernel[0] * kernel[1]).fill(1), [1, 1, ...kernel]);

/** Graphs of which every window counts every element: positive weights, non-negative images. */
const graphs: Record<string, (x: Tensor) => Tensor> = {
  'a padded convolution of stride 2': (x) =>
    convolution(x, ones([3, 5]), { stride: [2, 2], pads: [1, 2, 1, 2] }),
  'dilation after a pooling': (x) =>
    convolution(maxPool(x, { kernel: 2 }), ones([3, 3]), { dilation: [2, 3], pads: [2, 3, 2, 3] }),
  'overlapping poolings': (x) =>
    averagePool(maxPool(x, { kernel: 3, stride: 2, pads: 1 }), { kernel: [2, 1], stride: 1 }),
  'a residual sum of a short and a long way': (x) => {
    const long = convolution(x, ones([3, 3]), { stride: [2, 2], pads: [1, 1, 1, 1] });
    return add(
      convolution(x, ones([1, 1]), { stride: [2, 2] }),
      convolution(long, ones([3, 3]), { pads: [1, 1, 1, 1] }),
    );
  },
  'slices, zeros and strides': (x) =>
    convolution(slice(slice(pad(x, [0, 0, 2, 0], [0, 0, 0, 1]), 2, 3, 22, 2), 3, 1, 19), ones([2, 3])),
};

/** First and last pixel that each element of a graph sees, found by lighting up one pixel at a time. */
function seenBy(build: (x: Tensor) => Tensor, [height, width]: readonly [number, number]) {
  const image = input('image', [1, 1, height, width]);
  const [result] = inferenceForm([build(image)]) as [Tensor];
  const [, , rows, columns] = result.shape as [number, number, number, number];
  const seen = Array.from({ length: rows * columns }, () => ({ y0: height, y1: -1, x0: width, x1: -1 }));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixels = new Float32Array(height * width);
      pixels[y * width + x] = 1;
      const values = evaluate([result], new Map([[image, pixels]]))[0]!;
      for (const [at, value] of values.entries()) {
        if (value === 0) continue;
        const box = seen[at]!;
        box.y0 = Math.min(box.y0, y);
        box.y1 = Math.max(box.y1, y);
        box.x0 = Math.min(box.x0, x);
        box.x1 = Math.max(box.x1, x);
      }
    }
  }
  return { field: receptiveFields(image, [result]).get(result)!, seen, rows, columns };
}

test.each(Object.keys(graphs))(
  '%s: every element sees its field, cut at the edges, and nothing else',
  (name) => {
    const [height, width] = [24, 22] as const;
    const { field, seen, rows, columns } = seenBy(graphs[name]!, [height, width]);
    const [down, across] = field as [(typeof field)[number], (typeof field)[number]];
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const y = down.start + i * down.stride!;
        const x = across.start + j * across.stride!;
        // Fields that lie in the middle of the image: at its edges, padding takes part of them.
        if (y < 0 || x < 0 || y + down.size > height || x + across.size > width) continue;
        expect(seen[i * columns + j]).toEqual({
          y0: y,
          y1: y + down.size - 1,
          x0: x,
          x1: x + across.size - 1,
        });
      }
    }
  },
);

const enlarging: Record<string, (x: Tensor) => Tensor> = {
  'repeated elements': (x) => repeat(maxPool(x, { kernel: 2 }), [2, 2]),
  'linear interpolation': (x) => resizeLinear(averagePool(x, { kernel: 2 }), [24, 24]),
  'a transposed convolution': (x) =>
    convolutionTranspose(maxPool(x, { kernel: 3 }), ones([3, 3]), {
      stride: [2, 2],
      pads: [1, 1, 1, 1],
      size: [15, 15],
    }),
};

test.each(Object.keys(enlarging))('%s: no element sees anything outside of its field', (name) => {
  const size = 24;
  const { field, seen, columns } = seenBy(enlarging[name]!, [size, size]);
  const [down, across] = field as [(typeof field)[number], (typeof field)[number]];
  expect(down.stride).toBeGreaterThan(0);
  expect(down.size).toBeLessThan(8);
  for (const [at, { y0, y1, x0, x1 }] of seen.entries()) {
    const y = down.start + Math.floor(at / columns) * down.stride!;
    const x = across.start + (at % columns) * across.stride!;
    expect(y0).toBeGreaterThan(y - 1);
    expect(y1).toBeLessThan(y + down.size);
    expect(x0).toBeGreaterThan(x - 1);
    expect(x1).toBeLessThan(x + across.size);
  }
});

test('what is flattened sees all that its elements saw', () => {
  const image = input('image', [1, 1, 20, 30]);
  const map = convolution(image, ones([3, 3]), { stride: [2, 2] });
  const flat = reshape(map, [1, map.shape[2]! * map.shape[3]!]);
  expect(receptiveFields(image, [flat]).get(flat)).toEqual([
    { start: 0, size: 19, stride: null },
    { start: 0, size: 29, stride: null },
  ]);
});
