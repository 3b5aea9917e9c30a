import { dropout, relu } from '../layers/activation.ts';
import { batchNorm } from '../layers/batch-norm.ts';
import { conv } from '../layers/convolution.ts';
import { sequential } from '../layers/layer.ts';
import { linear } from '../layers/linear.ts';
import { flatten, maxPool } from '../layers/pooling.ts';
import { defineNetwork, type Network } from '../models/network.ts';

export interface TinyOptions {
  /** Default 0. */
  readonly dropout?: number;
  /** Default true. */
  readonly batchNorm?: boolean;
}

/** A classifier [N, 2, H, W] to [N, 3] with a bit of everything; its last layer depends on the size of the image. */
export function tinyClassifier({ dropout: rate = 0, batchNorm: normed = true }: TinyOptions = {}): Network {
  const norms = normed ? { bn1: batchNorm(), bn2: batchNorm({ momentum: 0.3, epsilon: 1e-3 }) } : undefined;
  const body = sequential({
    conv1: conv(8, { kernel: 3, bias: false }),
    ...(norms && { bn1: norms.bn1 }),
    relu1: relu,
    dropout1: dropout(rate),
    pool: maxPool({ kernel: 2 }),
    conv2: conv(8, { kernel: 3, groups: 2, padding: 'valid' }),
    ...(norms && { bn2: norms.bn2 }),
    relu2: relu,
    flatten,
    dropout2: dropout(rate),
    fc: linear(3),
  });
  return defineNetwork(
    {
      name: `tiny classifier${normed ? '' : ' without norm'}`,
      task: 'classification',
      inputChannels: 2,
      classes: 3,
      smallestSize: [6, 6],
      divisor: 2,
      headBias: 'fc.bias',
    },
    body,
  );
}
