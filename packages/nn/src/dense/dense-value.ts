import type { Tensor } from '../graph/tensor.ts';
import { slice } from '../operators/layout.ts';

/**
 * A value of a patch's graph at all window positions at once. Element i of the value, for the window whose first pixel is
 * o, lies at o / stride + i * dilation of every spatial axis.
 */
export interface DenseMap {
  readonly kind: 'map';
  /** [N, C, ...S] */
  readonly tensor: Tensor;
  /** Spatial size of the value in the patch's graph. */
  readonly size: readonly number[];
  /** Pixels of the image from one element of `tensor` to the next. */
  readonly stride: readonly number[];
  /** Elements of `tensor` between neighbours of the value. */
  readonly dilation: readonly number[];
  /** Means that are still to be taken, per axis: row b holds the shares of bin b. They wait for the linear layer. */
  readonly bins?: readonly (Bins | undefined)[];
}

export interface Bins {
  readonly count: number;
  /** [count, size], row-major. */
  readonly shares: Float32Array;
}

/** A map whose patch form was given another shape: flattened for a linear layer, or on the way to bins of an axis. */
export interface ReshapedMap {
  readonly kind: 'reshaped';
  readonly map: DenseMap;
}

export type DenseValue = DenseMap | ReshapedMap;

/** Spatial size of the value as the patch's graph sees it: bins where means were taken. */
export function sizeInPatch({ size, bins }: DenseMap): number[] {
  return size.map((length, axis) => bins?.[axis]?.count ?? length);
}

/** The first `size` elements of every spatial axis: maps of the same windows may differ in what follows the last one. */
export function firstElements(tensor: Tensor, size: readonly number[]): Tensor {
  return size.reduce((x, length, axis) => slice(x, axis + 2, 0, length), tensor);
}
