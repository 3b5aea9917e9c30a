import { compositeOperator, inferenceForm } from '../graph/composite.ts';
import { type Shape, sizeOf } from '../graph/shape.ts';
import { input, type Tensor, topologicalOrder } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import type { Network } from '../models/network.ts';
import { averagePoolOperator, globalAveragePoolOperator } from '../operators/average-pooling.ts';
import { channelAffine, channelAffineOperator } from '../operators/channel-affine.ts';
import { convolutionOperator, convolutionTransposeOperator } from '../operators/convolution.ts';
import { groupNormOperator } from '../operators/group-norm.ts';
import { concatOperator } from '../operators/layout.ts';
import { linearOperator } from '../operators/linear.ts';
import { matmulOperator } from '../operators/matmul.ts';
import { maxPoolOperator } from '../operators/pooling.ts';
import { repeatOperator } from '../operators/repeat.ts';
import { upConvolutionOperator } from '../operators/up-convolution.ts';
import { multiplyAddsOf } from './multiply-adds.ts';
import { type ReceptiveField, receptiveFields } from './receptive-field.ts';

export type LayerKind =
  | 'convolution'
  | 'linear'
  | 'norm'
  | 'max-pooling'
  | 'average-pooling'
  | 'mean of all'
  | 'up-convolution'
  | 'enlargement'
  | 'sum'
  | 'concatenation'
  | 'elementwise';

/** One step of a network, in plain data. */
export interface LayerDescription {
  /** Place of its parameters ('layer1.0.conv1'), '' where it has none. */
  readonly name: string;
  readonly kind: LayerKind;
  /** Of its result: [N, C, ...S], or [N, C] after the last map. */
  readonly shape: Shape;
  /** What an element of its result sees of the image. */
  readonly field: ReceptiveField;
  /** Numbers that are trained here. */
  readonly parameters: number;
  readonly multiplyAdds: number;
}

export interface NetworkAnalysis {
  readonly network: string;
  /** [1, C, ...S] */
  readonly imageShape: Shape;
  readonly layers: readonly LayerDescription[];
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** Of the last value that has positions: for a classifier, the map that its head takes means of. */
  readonly lastMap: { readonly shape: Shape; readonly field: ReceptiveField };
}

const kinds: Readonly<Record<string, LayerKind>> = {
  [convolutionOperator.name]: 'convolution',
  [linearOperator.name]: 'linear',
  [channelAffineOperator.name]: 'norm',
  [groupNormOperator.name]: 'norm',
  [maxPoolOperator.name]: 'max-pooling',
  [averagePoolOperator.name]: 'average-pooling',
  [globalAveragePoolOperator.name]: 'mean of all',
  [upConvolutionOperator.name]: 'up-convolution',
  [convolutionTransposeOperator.name]: 'up-convolution',
  [repeatOperator.name]: 'enlargement',
  resizeLinear: 'enlargement',
  [concatOperator.name]: 'concatenation',
};

/**
 * The layers of a network for one image of spatial size `imageSize`, in the order of computation: shapes, receptive
 * fields, parameters and multiply-adds (of convolutions and linear layers, as papers quote them). Activations, which
 * change none of these, have no entry. Throws a `NetworkError` where the network takes no images of that size.
 */
export function describeNetwork(network: Network, imageSize: readonly number[]): NetworkAnalysis {
  const paths = new Map<Tensor, string>();
  const scope = scopeOf({
    parameter: (name, { shape }) => {
      const tensor = input(name, shape);
      paths.set(tensor, name.slice(0, Math.max(0, name.lastIndexOf('.'))));
      return tensor;
    },
    batchNorm: (_, x, { gamma, beta }) => channelAffine(x, gamma, beta),
    dropout: (_, x) => x,
  });
  const image = input('image', [1, network.inputChannels, ...imageSize]);
  const outputs = inferenceForm([network.forward(scope, image)]);
  const fields = receptiveFields(image, outputs);
  const counted = new Set<Tensor>();
  const layers: LayerDescription[] = [];
  let lastMap = { shape: image.shape, field: fields.get(image)! };
  for (const tensor of topologicalOrder(outputs)) {
    const field = fields.get(tensor);
    if (field === undefined || tensor === image || tensor.operator.name === compositeOperator.name) continue;
    if (tensor.shape.length > 2 && field.every(({ stride }) => stride !== null)) {
      lastMap = { shape: tensor.shape, field };
    }
    const sources = tensor.inputs.filter((source) => fields.has(source));
    const all = parametersOf(tensor, fields, paths);
    const parameters = all
      .filter((parameter) => !counted.has(parameter))
      .reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    for (const parameter of all) counted.add(parameter);
    const name = all.length > 0 ? paths.get(all[0]!)! : '';
    const kind = kindOf(tensor, sources.length, all.length);
    const before = layers.findLastIndex((layer) => layer.name === name && name !== '');
    if (kind === 'elementwise' && before >= 0) {
      // A bias that is added after a product belongs to the layer.
      layers[before] = { ...layers[before]!, parameters: layers[before]!.parameters + parameters };
    } else if (kind !== undefined) {
      const multiplyAdds = multiplyAddsOf(tensor);
      layers.push({ name, kind, shape: tensor.shape, field, parameters, multiplyAdds });
    }
  }
  return {
    network: network.name,
    imageShape: image.shape,
    layers,
    parameters: layers.reduce((sum, layer) => sum + layer.parameters, 0),
    multiplyAdds: layers.reduce((sum, layer) => sum + layer.multiplyAdds, 0),
    lastMap,
  };
}

function kindOf(tensor: Tensor, sources: number, parameters: number): LayerKind | undefined {
  const { operator } = tensor;
  if (operator.name === matmulOperator.name) return parameters > 0 ? 'linear' : 'average-pooling';
  const known = kinds[operator.name];
  if (known !== undefined) return known;
  if (operator.elementwise && sources > 1) return operator.name === 'add' ? 'sum' : 'elementwise';
  return parameters > 0 ? 'elementwise' : undefined;
}

/** Parameters among a value's inputs that do not come from the image, also reshaped or transposed ones. */
function parametersOf(
  { inputs }: Tensor,
  fields: ReadonlyMap<Tensor, ReceptiveField>,
  paths: ReadonlyMap<Tensor, string>,
): Tensor[] {
  const others = inputs.filter((source) => !fields.has(source));
  return topologicalOrder(others).filter((tensor) => paths.has(tensor));
}
