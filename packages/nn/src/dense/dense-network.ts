import { NetworkError } from '../errors/network-error.ts';
import { formatShape } from '../graph/shape.ts';
import { input } from '../graph/tensor.ts';
import { defineNetwork, type Network } from '../models/network.ts';
import { densify } from './densify.ts';

export interface DenseNetworkOptions {
  /** Spatial size of the patches that the classifier judges, outermost axis first. */
  readonly patchSize: readonly number[];
  /** Pixels from one window to the next, on every axis. */
  readonly outputStride: number;
}

/**
 * A classifier of patches as a network that judges all windows of an image at once: image [N, C, ...S] to logits
 * [N, classes, ...positions], position p of an axis being the window whose first pixel is p * outputStride, with
 * floor((S - patchSize) / outputStride) + 1 positions. Its parameters have the names of the classifier's, so that it can be
 * trained further, or exported, with the classifier's weights. See `densify` for when it equals window by window.
 *
 * Throws a `NetworkError`: 'value-invalid' for a network that is no classifier, 'unsupported' (when the graph is built)
 * for one that cannot be made dense, naming the operator.
 */
export function denseNetwork(network: Network, { patchSize, outputStride }: DenseNetworkOptions): Network {
  const tooSmall = network.smallestSize.some((length, axis) => !(patchSize[axis]! >= length));
  if (network.task !== 'classification' || patchSize.length !== network.smallestSize.length || tooSmall) {
    throw new NetworkError(
      'value-invalid',
      `denseNetwork: ${network.name} (${network.task}) does not judge patches of ${formatShape(patchSize)}: expected a classification of images of ${formatShape(network.smallestSize)} or more`,
    );
  }
  const { inputChannels } = network;
  // The parts are those of the patch's graph.
  const { parts: _, ...description } = network;
  return defineNetwork(
    {
      ...description,
      name: `${network.name} dense ${patchSize.join('x')} stride ${outputStride}`,
      task: 'segmentation',
      smallestSize: patchSize,
      divisor: 1,
    },
    (scope, image) => {
      const patch = input('patch', [1, inputChannels, ...patchSize]);
      return densify(
        network.forward(scope, patch),
        patch,
        image,
        patchSize.map(() => outputStride),
      );
    },
  );
}
