import type { PerAxis } from '../operators/image.ts';
import { enlargeLinear, resizeNearest } from '../operators/resize.ts';
import { checkValue } from '../options/check-options.ts';
import { oneOf } from '../options/rules.ts';
import { type Layer, pure } from './layer.ts';
import { perSpatialAxis } from './layer-rules.ts';

/** [N, C, ...S] enlarged by whole factors: every element repeated, or interpolated between their centres. */
export function enlarge(mode: 'nearest' | 'linear', factor: PerAxis = 2): Layer {
  checkValue('enlarge: mode', mode, oneOf('nearest', 'linear'));
  checkValue('enlarge: factor', factor, perSpatialAxis);
  return pure((x) => (mode === 'nearest' ? resizeNearest(x, factor) : enlargeLinear(x, factor)));
}
