import { dropout, relu } from '../layers/activation.ts';
import { batchNorm } from '../layers/batch-norm.ts';
import { conv } from '../layers/convolution.ts';
import { below, chain, type Layer, sequential } from '../layers/layer.ts';
import { linear } from '../layers/linear.ts';
import { flatten, globalAveragePool, maxPool } from '../layers/pooling.ts';
import { checkOptions, type Rules } from '../options/check-options.ts';
import { belowOne, count, listOf, optional } from '../options/rules.ts';
import { defineNetwork, type Network, type NetworkPart } from './network.ts';
import { smallestLength } from './size.ts';

export interface PatchCnnSpec {
  readonly inputChannels: number;
  readonly classes: number;
  /** Channels of the first stage; they double per stage. Default 16: 0.2 million parameters. */
  readonly baseChannels?: number;
  /** Share of the last features that training leaves out. Default 0.5. */
  readonly dropout?: number;
  /** Kernels of the poolings that end its three stages; each halves. Default 3, 2, 3. */
  readonly pools?: PatchCnnPools;
}

const rules: Rules<PatchCnnSpec> = {
  inputChannels: count,
  classes: count,
  baseChannels: optional(count),
  dropout: optional(belowOne),
  pools: optional(listOf('positive whole numbers', count, 3)),
};

export type PatchCnnPools = readonly [number, number, number];

const centredPools: PatchCnnPools = [3, 2, 3];

/**
 * A small classifier of patches without any padding, so that judging all windows of an image at once gives exactly what
 * judging them one by one does: three stages of two 3 x 3 convolutions and a pooling, then one convolution that sees 4 x 4 of what
 * is left. It sees all of a patch of 65 x 65, and of one larger by a multiple of 8, so that the pixel it judges is exactly in the
 * middle of what it sees; of other sizes it leaves out up to 7 of the last columns and rows. With poolings of 2, 2, 2 its
 * field is 60 pixels wide, and an even number has no pixel in its middle.
 */
export function patchCnn(spec: PatchCnnSpec): Network {
  checkOptions('patchCnn', spec, rules);
  const { inputChannels, classes, baseChannels = 16, dropout: rate = 0.5, pools = centredPools } = spec;
  const step = (channels: number, kernel: number): Record<string, Layer> => ({
    conv: conv(channels, { kernel, padding: 'valid', bias: false }),
    norm: batchNorm(),
    relu,
  });
  const stages = pools.map((kernel, stage) => {
    const channels = baseChannels * 2 ** stage;
    return sequential({
      first: sequential(step(channels, 3)),
      second: sequential(step(channels, 3)),
      pool: maxPool({ kernel, stride: 2 }),
    });
  });
  const last = sequential(step(baseChannels * 2 ** pools.length, 4));
  const part = (name: string, layer: Layer) => ({ places: [name], layer: below(name, layer) });
  const parts: NetworkPart[] = [
    ...stages.map((stage, n) => part(`stage${n + 1}`, stage)),
    part('last', last),
    { places: [], layer: globalAveragePool },
    { places: ['head'], layer: sequential({ flatten, dropout: dropout(rate), head: linear(classes) }) },
  ];
  const windows = pools.flatMap((kernel) => [{ kernel: 3 }, { kernel: 3 }, { kernel, stride: 2 }]);
  const smallest = smallestLength([...windows, { kernel: 4 }]);
  // Networks of before poolings could be chosen have the shorter name in their checkpoints.
  const pooled = pools.every((kernel) => kernel === 2) ? '' : ` pools ${pools.join('-')}`;
  return defineNetwork(
    {
      name: `patch-cnn ${inputChannels}>${classes} base ${baseChannels}${pooled}`,
      task: 'classification',
      inputChannels,
      classes,
      smallestSize: [smallest, smallest],
      divisor: 1,
      headBias: 'head.bias',
      parts,
    },
    chain(...parts.map(({ layer }) => layer)),
  );
}
