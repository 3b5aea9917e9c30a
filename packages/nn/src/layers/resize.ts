import type { PerAxis } from '../operators/image.ts';
import { enlargeLinear, resizeNearest } from '../operators/resize.ts';
import { type Layer, pure } from './layer.ts';

/** [N, C, ...S] enlarged by whole factors: every element repeated, or interpolated between their centres. */
export function enlarge(mode: 'nearest' | 'linear', factor: PerAxis = 2): Layer {
  return pure((x) => (mode === 'nearest' ? resizeNearest(x, factor) : enlargeLinear(x, factor)));
}
