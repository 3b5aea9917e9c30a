import { foldConstants } from '../graph/fold-constants.ts';
import { input } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import { type Network, smallestShape } from '../models/network.ts';
import { writeModel } from '../onnx/write-model.ts';
import { softmax } from '../operators/softmax.ts';
import { imageName, probabilitiesName } from '../runtime/predictor.ts';
import { inferenceScope } from './scopes/inference-scope.ts';
import type { Weights } from './weights.ts';

export interface ExportOptions {
  readonly metadata: Readonly<Record<string, string>>;
}

export interface ModelSource {
  readonly network: Network;
  readonly weights: Weights;
}

/**
 * A network with its numbers as an ONNX model for inference: constant weights, batch norm folded into the
 * convolutions, input `image` [N, C, H, W], output `probabilities` [N, classes, H, W]; N, H and W are open (H and W
 * divisible by the network's divisor).
 */
export function exportModel({ network, weights, metadata }: ModelSource & ExportOptions): Uint8Array {
  const image = input(imageName, smallestShape(network));
  const logits = network.forward(scopeOf(inferenceScope(weights, { folded: true })), image);
  const [probabilities] = foldConstants([softmax(logits, 1)]);
  return writeModel({
    name: network.name,
    outputs: { [probabilitiesName]: probabilities! },
    metadata,
    openAxes: ['N', undefined, 'H', 'W'],
  });
}
