import type { Tensor } from '../graph/tensor.ts';
import { add } from '../operators/elementwise.ts';
import { checkOptions, type Rules } from '../options/check-options.ts';
import { count, optional } from '../options/rules.ts';
import { crop } from './crop.ts';
import { type Layer, pure } from './layer.ts';
import { aLayer } from './layer-rules.ts';

export const identity: Layer = pure((x) => x);

export interface ResidualOptions {
  readonly body: Layer;
  /** Default: the identity. It sees the input, cropped where the body has lost a border. */
  readonly shortcut?: Layer;
  /** Of body and shortcut; default 1. */
  readonly stride?: number;
}

const rules: Rules<ResidualOptions> = { body: aLayer, shortcut: optional(aLayer), stride: optional(count) };

/**
 * body(x) + shortcut(x) (He, Zhang, Ren and Sun, 2016). Where convolutions without padding have made the body's
 * result smaller, the shortcut gets the middle of x: exactly the pixels on which the body's windows are centred.
 */
export function residual(options: ResidualOptions): Layer {
  checkOptions('residual', options, rules);
  const { body, shortcut = identity, stride = 1 } = options;
  return (scope, x) => {
    const y = body(scope, x);
    return add(y, shortcut(scope, centred(x, y, stride)));
  };
}

/** The pixels of x in whose middle every `stride`th one is the centre of a window of y. */
function centred(x: Tensor, y: Tensor, stride: number): Tensor {
  const margin = x.shape.slice(2).map((size, axis) => {
    const length = y.shape[axis + 2]!;
    if (Math.ceil(size / stride) === length) return 0;
    // Equal on both sides, so that it is the same for even and odd sizes: a stride skips what is left over.
    return Math.floor((size - (stride * (length - 1) + 1)) / 2);
  });
  return crop(x, margin, margin);
}
