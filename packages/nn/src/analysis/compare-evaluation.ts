import { type DenseNetworkOptions, denseNetwork } from '../dense/dense-network.ts';
import { NetworkError } from '../errors/network-error.ts';
import { sizeOf } from '../graph/shape.ts';
import type { Network } from '../models/network.ts';
import { describeNetwork, type LayerDescription } from './describe-network.ts';

export interface EvaluationCost {
  /** Of all windows together. */
  readonly multiplyAdds: number;
  /** The same per pixel of the image that the windows stand for: stride x stride each. */
  readonly perPixel: number;
}

export interface LayerCost {
  readonly name: string;
  /** Multiply-adds of all windows, one by one. */
  readonly patchwise: number;
  /** Of the whole image at once; null where the network has no dense form. */
  readonly dense: number | null;
}

/** What judging all windows of an image costs, window by window and all at once. */
export interface EvaluationComparison {
  readonly patchSize: readonly number[];
  readonly imageSize: readonly number[];
  readonly outputStride: number;
  /** Windows per axis. */
  readonly positions: readonly number[];
  readonly patchwise: EvaluationCost;
  readonly dense: EvaluationCost | null;
  /** Why there is no dense form. */
  readonly denseProblem?: string;
  /** Multiply-adds patch by patch per one of dense evaluation. */
  readonly ratio: number | null;
  /** Layers with multiply-adds, in order; '' at the end for means that dense evaluation takes as convolutions. */
  readonly layers: readonly LayerCost[];
}

/**
 * Counts the multiply-adds of a classifier on all windows of an image [1, C, ...imageSize] at a stride. Throws a
 * `NetworkError` where the network does not take the patches, or they do not fit into the image.
 */
export function compareEvaluation(
  network: Network,
  { patchSize, outputStride, imageSize }: DenseNetworkOptions & { readonly imageSize: readonly number[] },
): EvaluationComparison {
  if (patchSize.some((length, axis) => !(length <= imageSize[axis]!))) {
    throw new NetworkError(
      'value-invalid',
      `compareEvaluation: a patch of ${patchSize.join(' x ')} does not fit into an image of ${imageSize.join(' x ')}`,
    );
  }
  const dense = denseLayers(network, { patchSize, outputStride }, imageSize);
  const positions = imageSize.map((length, axis) =>
    Math.floor((length - patchSize[axis]!) / outputStride + 1),
  );
  const windows = sizeOf(positions);
  const one = byName(describeNetwork(network, patchSize).layers);
  const all = 'problem' in dense ? undefined : byName(dense.layers);
  const names = new Set([...one.keys(), ...(all?.keys() ?? [])]);
  names.delete('');
  const layers = [...names, ''].map((name) => ({
    name,
    patchwise: (one.get(name) ?? 0) * windows,
    dense: all === undefined ? null : (all.get(name) ?? 0),
  }));
  const pixels = windows * outputStride ** positions.length;
  const cost = (multiplyAdds: number): EvaluationCost => ({ multiplyAdds, perPixel: multiplyAdds / pixels });
  const patchwise = cost(layers.reduce((sum, layer) => sum + layer.patchwise, 0));
  const whole = all && cost(layers.reduce((sum, layer) => sum + (layer.dense ?? 0), 0));
  return {
    patchSize,
    imageSize,
    outputStride,
    positions,
    patchwise,
    dense: whole ?? null,
    ...('problem' in dense && { denseProblem: dense.problem }),
    ratio: whole === undefined ? null : patchwise.multiplyAdds / whole.multiplyAdds,
    layers: layers.filter((layer) => layer.patchwise > 0 || (layer.dense ?? 0) > 0),
  };
}

function denseLayers(
  network: Network,
  options: DenseNetworkOptions,
  imageSize: readonly number[],
): { readonly layers: readonly LayerDescription[] } | { readonly problem: string } {
  const dense = denseNetwork(network, options);
  try {
    return describeNetwork(dense, imageSize);
  } catch (error) {
    if (error instanceof NetworkError && error.code === 'unsupported') return { problem: error.message };
    throw error;
  }
}

function byName(layers: readonly LayerDescription[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { name, multiplyAdds } of layers) {
    if (multiplyAdds > 0) sums.set(name, (sums.get(name) ?? 0) + multiplyAdds);
  }
  return sums;
}
