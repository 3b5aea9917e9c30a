import { NetworkError } from '../errors/network-error.ts';
import { describeSizes, sizeFits } from '../graph/image-size.ts';
import { formatShape } from '../graph/shape.ts';
import { input, type Tensor } from '../graph/tensor.ts';
import type { Layer } from '../layers/layer.ts';
import { type Scope, scopeOf } from '../layers/scope.ts';
import { checkValue, checkValues, type Rules } from '../options/check-options.ts';
import { aFunction, count, listOf, objectWith, oneOf, optional, type Rule, text } from '../options/rules.ts';

/** What is said about a network, beside how it is built. */
export interface NetworkDescription {
  /** Says everything about the structure, e.g. 'unet-2d 3>3 base 16 max 256 levels 5 x2'. */
  readonly name: string;
  /** A class for every pixel, or one for the whole image. */
  readonly task: 'segmentation' | 'classification';
  readonly inputChannels: number;
  readonly classes: number;
  /** Spatial size of the smallest image that it takes, outermost axis first: two numbers in 2-D, three in 3-D. */
  readonly smallestSize: readonly number[];
  /**
   * Every spatial size of an image is the smallest one plus a multiple of this. Where convolutions are padded, the
   * smallest size is such a multiple itself: the sizes are then those that divide by it.
   */
  readonly divisor: number;
  /** The bias that is added to the logits last; class priors may initialise it. Absent: there is none such. */
  readonly headBias?: string;
}

/** Layers of a classifier that come one after the other. */
export interface NetworkPart {
  /** Where its parameters lie ('layer1', 'features.0'); empty where it has none. */
  readonly places: readonly string[];
  readonly layer: Layer;
}

/** A network: how its forward graph is built. It holds no numbers. */
export interface Network extends NetworkDescription {
  /**
   * The whole network as parts, first to last, of a classifier that has such: those that look at the image, the pooling, and the
   * head, which is the last. See `splitNetwork`.
   */
  readonly parts?: readonly NetworkPart[];
  /**
   * Logits [N, classes, ...S] (segmentation) or [N, classes] (classification) from an image [N, inputChannels, ...S].
   * Without padding, the logits of a segmentation are those of the middle of the image.
   */
  forward(scope: Scope, image: Tensor): Tensor;
}

const rules: Rules<NetworkDescription> = {
  name: text,
  task: oneOf('segmentation', 'classification'),
  inputChannels: count,
  classes: count,
  smallestSize: listOf('positive whole numbers, one for each axis of space', count),
  divisor: count,
  headBias: optional(text),
};

/** What functions that take a network look at first. */
export const aNetwork: Rule = objectWith('a network, as unet2d({ ... }) or defineNetwork gives', {
  name: text,
  smallestSize: rules.smallestSize,
  forward: aFunction,
});

/**
 * A network that checks the images it is given. Throws a `NetworkError` ('value-invalid') where the description makes no
 * network: no classes, say.
 */
export function defineNetwork(
  description: NetworkDescription & Pick<Network, 'parts'>,
  forward: (scope: Scope, image: Tensor) => Tensor,
): Network {
  checkValues('defineNetwork', description, rules);
  checkValue('defineNetwork: forward', forward, aFunction);
  return {
    ...description,
    forward: (scope, image) => {
      checkImage(description, image);
      return forward(scope, image);
    },
  };
}

/**
 * Throws a `NetworkError` ('shape-mismatch') unless `image` is [N, inputChannels, ...S] with sizes that the network
 * takes: the smallest one or more, in steps of the divisor.
 */
export function checkImage(network: NetworkDescription, image: Tensor): void {
  const { name, inputChannels, smallestSize } = network;
  const [, channels, ...size] = image.shape;
  if (sizeFits(size, network) && channels === inputChannels) return;
  const axes = smallestSize.length === 3 ? 'D, H, W' : 'H, W';
  throw new NetworkError(
    'shape-mismatch',
    `${name}: expected an image [N, ${inputChannels}, ${axes}] with a spatial size ${describeSizes(network)}, found ${formatShape(image.shape)}`,
  );
}

/** Shape of the smallest batch of images: one, of the smallest size. */
export function smallestShape({ inputChannels, smallestSize }: NetworkDescription): number[] {
  return [1, inputChannels, ...smallestSize];
}

/** Shape of the logits for a batch of images of shape `image`. Throws a `NetworkError` where the network takes no such images. */
export function outputShape(network: Network, image: readonly number[]): readonly number[] {
  const shapes = scopeOf({
    parameter: (name, { shape }) => input(name, shape),
    batchNorm: (_, x) => x,
    dropout: (_, x) => x,
  });
  return network.forward(shapes, input('image', image)).shape;
}
