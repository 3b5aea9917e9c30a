import type { Tensor } from '../graph/tensor.ts';
import type { Scope } from '../layers/scope.ts';
import type { WindowStep } from './size.ts';

/** The feature maps of a classifier, for a network that uses them: names of parameters are those of the classifier. */
export interface Encoder {
  /** e.g. 'resnet18' */
  readonly name: string;
  readonly inputChannels: number;
  /** The maps, finest first. */
  readonly maps: readonly FeatureMap[];
  /** The maps [N, channels, ...S] of an image [N, inputChannels, ...S], finest first. */
  forward(scope: Scope, image: Tensor): readonly Tensor[];
}

export interface FeatureMap {
  readonly channels: number;
  /** Pixels of the image from one pixel of the map to the next. */
  readonly stride: number;
  /** From the map before (or the image) to this one. */
  readonly steps: readonly WindowStep[];
}
