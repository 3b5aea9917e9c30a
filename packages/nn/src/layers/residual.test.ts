import { expect, test } from 'vitest';
import { sizeOf } from '../graph/shape.ts';
import { constant, input, type Tensor } from '../graph/tensor.ts';
import { convolution } from '../operators/convolution.ts';
import { slice } from '../operators/layout.ts';
import { evaluate } from '../reference/evaluate.ts';
import { pure } from './layer.ts';
import { residual } from './residual.ts';
import { scopeOf } from './scope.ts';

const nothing = scopeOf({
  parameter: () => {
    throw new Error('no parameters here');
  },
  batchNorm: (_, x) => x,
  dropout: (_, x) => x,
});

/** Copies the pixel in the middle of every 3 x 3 window. */
function centres(x: Tensor, stride: number, pad: number): Tensor {
  const kernel = constant([0, 0, 0, 0, 1, 0, 0, 0, 0], [1, 1, 3, 3]);
  return convolution(x, kernel, { stride: [stride, stride], pads: [pad, pad, pad, pad] });
}

const everySecond = pure((x) => slice(slice(x, 2, 0, x.shape[2]!, 2), 3, 0, x.shape[3]!, 2));

test.each([
  { name: 'two windows', stride: 1, pad: 0, more: 1 },
  { name: 'a stride, then a window', stride: 2, pad: 0, more: 1 },
  { name: 'a stride, then two windows', stride: 2, pad: 0, more: 2 },
  { name: 'padded', stride: 1, pad: 1, more: 1 },
  { name: 'padded, a stride', stride: 2, pad: 1, more: 1 },
])('the shortcut sees the pixels on which the windows of the body are centred: $name', (entry) => {
  const { stride, pad, more } = entry;
  for (const size of [
    [13, 14],
    [15, 16],
    [17, 12],
  ]) {
    const x = input('x', [1, 1, ...size]);
    const body = pure((image) => {
      let y = centres(image, stride, pad);
      for (let i = 0; i < more; i++) y = centres(y, 1, pad);
      return y;
    });
    const sum = residual({ body, stride, ...(stride === 2 && { shortcut: everySecond }) })(nothing, x);
    const pixels = Float64Array.from({ length: sizeOf(x.shape) }, (_, i) => i + 1);
    const [found, once] = evaluate([sum, body(nothing, x)], new Map([[x, pixels]]));
    expect(found).toEqual(once!.map((value) => 2 * value));
  }
});
