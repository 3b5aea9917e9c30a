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
import { type Layer, pure } from './layer.ts';

/** The largest element of each window of [N, C, ...S]. */
export function maxPool(options: PoolOptions): Layer {
  return pure((x) => maxPoolOf(x, options));
}

/** The mean of each window of [N, C, ...S]. */
export function averagePool(options: AveragePoolOptions): Layer {
  return pure((x) => averagePoolOf(x, options));
}

/** Means over `size` bins per axis, whatever the size of [N, C, ...S]. */
export function adaptiveAveragePool(size: PerAxis): Layer {
  return pure((x) => adaptiveAveragePoolOf(x, size));
}

/** The mean of each plane, as [N, C, 1, ...]. */
export const globalAveragePool: Layer = pure(globalAveragePoolOf);

/** [N, C, ...S] as [N, C * ...S]. */
export const flatten: Layer = pure(flattenOf);
