import { chain, type Layer } from '../layers/layer.ts';
import { defineNetwork, type Network, type NetworkPart } from './network.ts';
import { type NetworkPadding, smallestLength, type WindowStep } from './size.ts';

export interface ClassifierDescription {
  /** What is not said by the other entries, e.g. 'resnet18'. */
  readonly name: string;
  readonly inputChannels: number;
  readonly classes: number;
  readonly padding: NetworkPadding;
  /** Every convolution and pooling from the image to the last map, along the longest way. */
  readonly steps: readonly WindowStep[];
  readonly headBias?: string;
  /** Parts of the name that come last. */
  readonly more?: readonly string[];
}

/**
 * A network that classifies images [N, C, H, W] of any size from which its last map still gets a pixel.
 * @param body all of it, or its parts
 */
export function defineClassifier(
  description: ClassifierDescription,
  body: Layer | readonly NetworkPart[],
): Network {
  const { name, inputChannels, classes, padding, steps, headBias, more = [] } = description;
  const smallest = smallestLength(steps);
  const words = [name, `${inputChannels}>${classes}`, ...more, ...(padding === 'valid' ? ['valid'] : [])];
  return defineNetwork(
    {
      name: words.join(' '),
      task: 'classification',
      inputChannels,
      classes,
      smallestSize: [smallest, smallest],
      divisor: 1,
      ...(headBias !== undefined && { headBias }),
      ...(typeof body !== 'function' && { parts: body }),
    },
    typeof body === 'function' ? body : chain(...body.map(({ layer }) => layer)),
  );
}
