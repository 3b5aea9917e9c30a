import {
  type AveragePoolOptions,
  adaptiveAveragePool as adaptiveAveragePoolOf,
  averagePool as averagePoolOf,
  globalAveragePool as globalAveragePoolOf,
} from '../operators/average-pooling.ts';
import type { PerAxis } from '../operators/image.ts';
import { flatten as flattenOf } from '../operators/layout.ts';
import type { PoolOptions } from '../operators/pool-windows.ts';
import { maxPool as maxPoolOf } from '../operators/pooling.ts';
import { checkOptions, checkValue, type Rules } from '../options/check-options.ts';
import { either, flag, listOf, optional, wholeFromZero } from '../options/rules.ts';
import { type Layer, pure } from './layer.ts';
import { perSpatialAxis } from './layer-rules.ts';

const poolRules: Rules<PoolOptions> = {
  kernel: perSpatialAxis,
  stride: optional(perSpatialAxis),
  pads: optional(either(wholeFromZero, listOf('such for every axis or side', wholeFromZero))),
  ceilMode: optional(flag),
};

/** The largest element of each window of [N, C, ...S]. */
export function maxPool(options: PoolOptions): Layer {
  checkOptions('maxPool', options, poolRules);
  return pure((x) => maxPoolOf(x, options));
}

/** The mean of each window of [N, C, ...S]. */
export function averagePool(options: AveragePoolOptions): Layer {
  checkOptions('averagePool', options, { ...poolRules, countIncludePad: optional(flag) });
  return pure((x) => averagePoolOf(x, options));
}

/** Means over `size` bins per axis, whatever the size of [N, C, ...S]. */
export function adaptiveAveragePool(size: PerAxis): Layer {
  checkValue('adaptiveAveragePool: size', size, perSpatialAxis);
  return pure((x) => adaptiveAveragePoolOf(x, size));
}

/** The mean of each plane, as [N, C, 1, ...]. */
export const globalAveragePool: Layer = pure(globalAveragePoolOf);

/** [N, C, ...S] as [N, C * ...S]. */
export const flatten: Layer = pure(flattenOf);
