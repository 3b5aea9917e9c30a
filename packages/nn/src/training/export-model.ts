import { foldConstants } from '../graph/fold-constants.ts';
import { input } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import { type Network, smallestShape } from '../models/network.ts';
import { writeModel } from '../onnx/write-model.ts';
import { softmax } from '../operators/softmax.ts';
import { imageName, probabilitiesName } from '../runtime/predictor.ts';
import type { NetworkLayout } from './layout.ts';
import { exportScope } from './scopes.ts';

/**
 * A network with its numbers as an ONNX model for inference: constant weights, batch norm folded into the
 * convolutions, input `image` [N, C, H, W], output `probabilities` [N, classes, H, W]; N, H and W are open (H and W
 * divisible by the network's divisor).
 */
export function exportModel(
  network: Network,
  layout: NetworkLayout,
  parameters: Float32Array,
  statistics: Float32Array,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const image = input(imageName, smallestShape(network));
  const logits = network.forward(scopeOf(exportScope(layout, parameters, statistics)), image);
  const [probabilities] = foldConstants([softmax(logits, 1)]);
  return writeModel({
    name: network.name,
    outputs: { [probabilitiesName]: probabilities! },
    metadata,
    openAxes: ['N', undefined, 'H', 'W'],
  });
}
