import { NetworkError } from '../errors/network-error.ts';
import { foldConstants } from '../graph/fold-constants.ts';
import { sizeMetadata } from '../graph/image-size.ts';
import type { Shape } from '../graph/shape.ts';
import { input } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import { aNetwork, type Network, smallestShape } from '../models/network.ts';
import { encodeModel } from '../onnx/encode-model.ts';
import type { OnnxModel, OnnxTensor } from '../onnx/onnx-model.ts';
import { buildModel } from '../onnx/write-model.ts';
import { checkOptions, type Rules } from '../options/check-options.ts';
import { count, either, flag, listOf, oneOf, optional, type Rule, recordOf } from '../options/rules.ts';
import { imageName, logitsName, probabilitiesName } from '../runtime/predictor.ts';
import { type Activation, activate, anActivation } from './activation.ts';
import { inferenceScope } from './scopes/inference-scope.ts';
import { anImageShape, someWeights } from './training-rules.ts';
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
  /**
   * Keeps all numbers as they are, under their names, so that `namedWeights` finds them in the file. Norms are then not
   * folded, which costs time. Default false.
   */
  readonly named?: boolean;
}

export interface ModelSource {
  readonly network: Network;
  readonly weights: Weights;
  /** [N, C, ...S] that the network was trained with: where it has linear layers, their size depends on it. */
  readonly imageShape: Shape;
}

const aString: Rule = { expected: 'a text', accepts: (value) => typeof value === 'string' };

export const exportRules: Rules<ExportOptions> = {
  metadata: optional(recordOf('texts by name', aString)),
  activation: optional(anActivation),
  size: optional(either(oneOf('open'), listOf('positive whole numbers, one for each axis of space', count))),
  named: optional(flag),
};

/**
 * A network with its numbers as an ONNX model for inference, of standard operators: constant weights, batch norm
 * folded into the convolutions. Input `image` [N, C, ...S] with N open. Output `probabilities` (`logits` without an
 * activation): [N, classes, ...S] of a segmentation, [N, classes] of a classification. A model of open size carries in its
 * metadata which sizes fit.
 *
 * Throws a `NetworkError`: 'state-mismatch' when the weights are not those of the network, 'shape-mismatch' or
 * 'unsupported' when it does not take images of the size.
 */
export function exportModel(options: ModelSource & ExportOptions): Uint8Array {
  checkOptions('exportModel', options, {
    ...exportRules,
    network: aNetwork,
    weights: someWeights,
    imageShape: anImageShape,
  });
  const { network, imageShape } = options;
  const { size = network.task === 'segmentation' ? 'open' : imageShape.slice(2) } = options;
  const isOpen = size === 'open';
  const shape = isOpen ? smallestShape(network) : [1, network.inputChannels, ...size];
  const more = isOpen ? 2 * network.divisor : 0;
  const model = inferenceGraph(options, shape, isOpen);
  const other = shape.map((length, axis) => (axis === 0 ? 2 : axis === 1 ? length : length + more));
  if (!sameGraph(model, inferenceGraph(options, other, isOpen))) {
    throw new NetworkError(
      'unsupported',
      isOpen
        ? `${network.name}: the graph depends on the size of the image, so that it cannot be left open. Export it for one size.`
        : `${network.name}: the graph depends on the number of images, which a model leaves open.`,
    );
  }
  return encodeModel(model);
}

function inferenceGraph(
  { network, weights, metadata = {}, activation = 'softmax', named = false }: ModelSource & ExportOptions,
  shape: Shape,
  isOpen: boolean,
): OnnxModel {
  const scope = scopeOf(inferenceScope(weights, { folded: !named }));
  const probabilities = activate(network.forward(scope, input(imageName, shape)), activation);
  const [result] = named ? [probabilities] : foldConstants([probabilities]);
  const axes = shape.length === 5 ? ['D', 'H', 'W'] : ['H', 'W'];
  return buildModel({
    name: network.name,
    outputs: { [activation === 'none' ? logitsName : probabilitiesName]: result! },
    metadata: { ...metadata, ...(isOpen && sizeMetadata(network)) },
    openAxes: ['N', undefined, ...axes.map((axis) => (isOpen ? axis : undefined))],
  });
}

/** Whether two models compute the same: what they declare of the shapes of images aside. */
function sameGraph({ graph: a }: OnnxModel, { graph: b }: OnnxModel): boolean {
  return (
    JSON.stringify(a.nodes) === JSON.stringify(b.nodes) &&
    a.initializers.length === b.initializers.length &&
    a.initializers.every((tensor, i) => sameTensor(tensor, b.initializers[i]!))
  );
}

function sameTensor({ content: a, ...rest }: OnnxTensor, { content: b, ...other }: OnnxTensor): boolean {
  if (a.kind !== 'raw' || b.kind !== 'raw' || JSON.stringify(rest) !== JSON.stringify(other)) return false;
  // Weights that no norm was folded into are the very same array.
  if (a.bytes.buffer === b.bytes.buffer && a.bytes.byteOffset === b.bytes.byteOffset) return true;
  return a.bytes.length === b.bytes.length && a.bytes.every((byte, i) => byte === b.bytes[i]);
}
