import { NetworkError } from '../errors/network-error.ts';
import { formatShape } from '../graph/shape.ts';
import type { Tensor } from '../graph/tensor.ts';

/** One number for every spatial axis, or one each, outermost first. */
export type PerAxis = number | readonly number[];

export interface ImageSizes {
  readonly n: number;
  readonly c: number;
  /** Sizes of the axes after the second: [H, W] or [D, H, W]. */
  readonly spatial: readonly number[];
}

/** Sizes of [N, C, ...S] with one to three spatial axes (or none, where `least` is 0), or a shape error. */
export function imageSizes(operator: string, { shape, type }: Tensor, least: 0 | 1 = 1): ImageSizes {
  const [n, c, ...spatial] = shape;
  if (c === undefined || spatial.length < least || spatial.length > 3 || type !== 'float32') {
    throw new NetworkError(
      'shape-mismatch',
      `${operator}: expected float32 [N, C, ...] with ${least} to 3 spatial axes, found ${type} ${formatShape(shape)}`,
    );
  }
  return { n: n!, c, spatial };
}

/** Numbers of the axes after the second. */
export function spatialAxes({ shape }: Tensor): number[] {
  return shape.slice(2).map((_, axis) => axis + 2);
}

/** The same whole number for each of `rank` axes, unless there is one for each already; none below `least`. */
export function perAxis(
  operator: string,
  what: string,
  value: PerAxis,
  rank: number,
  least: number,
): number[] {
  const values = typeof value === 'number' ? new Array<number>(rank).fill(value) : [...value];
  if (values.length !== rank || values.some((size) => !Number.isInteger(size) || size < least)) {
    throw new NetworkError(
      'value-invalid',
      `${operator}: ${what} must be ${rank} whole numbers from ${least} on, found ${formatShape(values)}`,
    );
  }
  return values;
}
