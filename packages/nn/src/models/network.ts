import type { Tensor } from '../graph/tensor.ts';
import type { Scope } from '../layers/scope.ts';

/** A network: how its forward graph is built. It holds no numbers. */
export interface Network {
  /** Says everything about the structure, e.g. 'unet-2d 3>3 base 16 max 256 levels 5 x2'. */
  readonly name: string;
  readonly inputChannels: number;
  readonly classes: number;
  /** Height and width of images must divide by this. */
  readonly divisor: number;
  /** The bias that is added to the logits last; class priors may initialise it. */
  readonly headBias: string;
  /** Logits [N, classes, H, W] from an image [N, inputChannels, H, W]. */
  forward(scope: Scope, image: Tensor): Tensor;
}
