import { dropout, relu } from '../layers/activation.ts';
import { batchNorm } from '../layers/batch-norm.ts';
import { conv } from '../layers/convolution.ts';
import { type Layer, sequential } from '../layers/layer.ts';
import { linear } from '../layers/linear.ts';
import { flatten, globalAveragePool, maxPool } from '../layers/pooling.ts';
import { defineNetwork, type Network } from './network.ts';
import { smallestLength } from './size.ts';

export interface PatchCnnSpec {
  readonly inputChannels: number;
  readonly classes: number;
  /** Channels of the first stage; they double per stage. Default 16: 0.2 million parameters. */
  readonly baseChannels?: number;
  /** Share of the last features that training leaves out. Default 0.5. */
  readonly dropout?: number;
}

/** Stages of two 3 x 3 convolutions, each ended by a pooling; then one convolution that sees 4 x 4 of what is left. */
const stages = 3;

/**
 * A small classifier of patches without any padding, so that judging all windows of an image at once gives exactly what
 * judging them one by one does. Of a patch of 65 x 65 it sees the first 60 x 60 pixels: its poolings leave out the rest.
 */
export function patchCnn(spec: PatchCnnSpec): Network {
  const { inputChannels, classes, baseChannels = 16, dropout: rate = 0.5 } = spec;
  const step = (channels: number, kernel: number): Record<string, Layer> => ({
    conv: conv(channels, { kernel, padding: 'valid', bias: false }),
    norm: batchNorm(),
    relu,
  });
  const body: Record<string, Layer> = {};
  for (let stage = 0; stage < stages; stage++) {
    const channels = baseChannels * 2 ** stage;
    body[`stage${stage + 1}`] = sequential({
      first: sequential(step(channels, 3)),
      second: sequential(step(channels, 3)),
      pool: maxPool({ kernel: 2 }),
    });
  }
  const network = sequential({
    ...body,
    last: sequential(step(baseChannels * 2 ** stages, 4)),
    average: globalAveragePool,
    flatten,
    dropout: dropout(rate),
    head: linear(classes),
  });
  const windows = Array.from({ length: stages }, () => [
    { kernel: 3 },
    { kernel: 3 },
    { kernel: 2, stride: 2 },
  ]).flat();
  const smallest = smallestLength([...windows, { kernel: 4 }]);
  return defineNetwork(
    {
      name: `patch-cnn ${inputChannels}>${classes} base ${baseChannels}`,
      task: 'classification',
      inputChannels,
      classes,
      smallestSize: [smallest, smallest],
      divisor: 1,
      headBias: 'head.bias',
    },
    network,
  );
}
