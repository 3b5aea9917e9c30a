import { peakBytes } from '@glisson/nn/analysis/peak-memory';
import { denseNetwork } from '@glisson/nn/dense/dense-network';
import { input } from '@glisson/nn/graph/tensor';
import { scopeOf } from '@glisson/nn/layers/scope';
import type { Network } from '@glisson/nn/models/network';

/** Windows [across, down] that one pass of a dense network judges. */
export type TileWindows = readonly [number, number];

/** Pixels of an axis that `windows` windows see. */
export function tileLength(windows: number, patchSize: number, stride: number): number {
  return (windows - 1) * stride + patchSize;
}

/**
 * The largest equal parts of [columns, rows] windows that a dense network can judge in one pass within a number of bytes;
 * single windows, if need be. The longer side is divided first.
 */
export function fitDenseTile(
  network: Network,
  patchSize: number,
  stride: number,
  [columns, rows]: TileWindows,
  mostBytes: number,
): TileWindows {
  let [across, down] = [1, 1];
  for (;;) {
    const tile = [Math.ceil(columns / across), Math.ceil(rows / down)] as const;
    if (denseBytes(network, patchSize, stride, tile) <= mostBytes) return tile;
    if (tile[0] === 1 && tile[1] === 1) return tile;
    if (tile[0] >= tile[1]) across++;
    else down++;
  }
}

/** Bytes that the values of one pass take at once. */
export function denseBytes(network: Network, patchSize: number, stride: number, tile: TileWindows): number {
  const dense = denseNetwork(network, { patchSize: [patchSize, patchSize], outputStride: stride });
  const shapes = scopeOf({
    parameter: (name, { shape }) => input(name, shape),
    batchNorm: (_, x) => x,
    dropout: (_, x) => x,
  });
  const [width, height] = tile.map((windows) => tileLength(windows, patchSize, stride)) as [number, number];
  const image = input('image', [1, network.inputChannels, height, width]);
  return peakBytes([dense.forward(shapes, image)], image);
}

/** First windows of the tiles that cover [first, last] of an axis, the last one ending with it where it can. */
export function tileFirsts(first: number, last: number, tile: number): number[] {
  const length = last - first + 1;
  if (length <= tile) return [first];
  const gaps = Math.ceil(length / tile) - 1;
  return Array.from({ length: gaps + 1 }, (_, n) => first + Math.round((n * (length - tile)) / gaps));
}
