import { NetworkError } from '../errors/network-error.ts';
import { foldConstants } from '../graph/fold-constants.ts';
import type { Shape } from '../graph/shape.ts';
import { input } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import { type Network, smallestShape } from '../models/network.ts';
import { writeModel } from '../onnx/write-model.ts';
import { imageName, logitsName, probabilitiesName } from '../runtime/predictor.ts';
import { type Activation, activate } from './activation.ts';
import { inferenceScope } from './scopes/inference-scope.ts';
import type { Weights } from './weights.ts';

export interface ExportOptions {
  /** Key and value pairs that the model carries. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** What becomes of the logits; default 'softmax'. */
  readonly activation?: Activation;
  /**
   * Spatial size of the images: fixed, or 'open', which not every network allows. Default: open for segmentation, the
   * size that it was trained with for classification.
   */
  readonly size?: 'open' | readonly number[];
}

export interface ModelSource {
  readonly network: Network;
  readonly weights: Weights;
  /** [N, C, ...S] that the network was trained with: where it has linear layers, their size depends on it. */
  readonly imageShape: Shape;
}

/**
 * A network with its numbers as an ONNX model for inference, of standard operators: constant weights, batch norm
 * folded into the convolutions. Input `image` [N, C, ...S] with N open. Output `probabilities` (`logits` without an
 * activation): [N, classes, ...S] of a segmentation, [N, classes] of a classification.
 *
 * Throws a `NetworkError`: 'state-mismatch' when the weights are not those of the network, 'shape-mismatch' or
 * 'unsupported' when it does not take images of the size.
 */
export function exportModel(options: ModelSource & ExportOptions): Uint8Array {
  const { network, imageShape } = options;
  const { size = network.task === 'segmentation' ? 'open' : imageShape.slice(2) } = options;
  if (size !== 'open') return writeInference(options, [1, network.inputChannels, ...size], false);
  const shape = smallestShape(network);
  const model = writeInference(options, shape, true);
  const larger = shape.map((length, axis) => (axis < 2 ? length : length + 2 * network.divisor));
  if (!sameBytes(model, writeInference(options, larger, true))) {
    throw new NetworkError(
      'unsupported',
      `${network.name}: the graph depends on the size of the image, so that it cannot be left open. Export it for one size.`,
    );
  }
  return model;
}

function writeInference(
  { network, weights, metadata = {}, activation = 'softmax' }: ModelSource & ExportOptions,
  shape: Shape,
  isOpen: boolean,
): Uint8Array {
  const scope = scopeOf(inferenceScope(weights, { folded: true }));
  const logits = network.forward(scope, input(imageName, shape));
  const [result] = foldConstants([activate(logits, activation)]);
  const axes = shape.length === 5 ? ['D', 'H', 'W'] : ['H', 'W'];
  return writeModel({
    name: network.name,
    outputs: { [activation === 'none' ? logitsName : probabilitiesName]: result! },
    metadata,
    openAxes: ['N', undefined, ...axes.map((axis) => (isOpen ? axis : undefined))],
  });
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
