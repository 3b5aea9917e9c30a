import type { Tensor } from '../graph/tensor.ts';
import type { Scope } from '../layers/scope.ts';

/** A network: how its forward graph is built. It holds no numbers. */
export interface Network {
  /** Says everything about the structure, e.g. 'unet-2d 3>3 base 16 max 256 levels 5 x2'. */
  readonly name: string;
  readonly inputChannels: number;
  readonly classes: number;
  /** Spatial size of the smallest image that it takes, outermost axis first: two numbers in 2-D, three in 3-D. */
  readonly smallestSize: readonly number[];
  /** Every spatial size of an image must divide by this. */
  readonly divisor: number;
  /** The bias that is added to the logits last; class priors may initialise it. */
  readonly headBias: string;
  /** Logits [N, classes, ...S] (segmentation) or [N, classes] (classification) from an image [N, inputChannels, ...S]. */
  forward(scope: Scope, image: Tensor): Tensor;
}

/** Shape of the smallest batch of images: one, of the smallest size. */
export function smallestShape({ inputChannels, smallestSize }: Network): number[] {
  return [1, inputChannels, ...smallestSize];
}
