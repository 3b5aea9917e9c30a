import { dropout, relu } from '../layers/activation.ts';
import { batchNorm } from '../layers/batch-norm.ts';
import { conv } from '../layers/convolution.ts';
import { below, chain, type Layer, sequential } from '../layers/layer.ts';
import { linear } from '../layers/linear.ts';
import { adaptiveAveragePool, flatten, globalAveragePool, maxPool } from '../layers/pooling.ts';
import type { Initialiser } from '../layers/scope.ts';
import { checkOptions, type Rules } from '../options/check-options.ts';
import { belowOne, count, flag, oneOf, optional } from '../options/rules.ts';
import { defineClassifier } from './classifier.ts';
import { depthOf } from './depth.ts';
import type { Encoder } from './encoder.ts';
import type { Network, NetworkPart } from './network.ts';
import { type NetworkPadding, networkPadding, windowStep } from './size.ts';

export type VggDepth = keyof typeof table;

export interface VggEncoderSpec {
  /** Layers with weights, as the paper counts them. */
  readonly depth: VggDepth;
  /** Batch norm after every convolution (not in the paper). Default false. */
  readonly batchNorm?: boolean;
  /** Default 3. */
  readonly inputChannels?: number;
  /** Default 'same'. */
  readonly padding?: NetworkPadding;
}

export interface VggSpec extends VggEncoderSpec {
  readonly classes: number;
  /**
   * 'fc' (default), as published: averages over 7 x 7 bins and three linear layers, 4096 wide, with dropout 0.5;
   * 'pooled': the average of every map and one linear layer.
   */
  readonly head?: 'fc' | 'pooled';
  /** Share of the features that training leaves out before the last layer, of 'fc' before the last two. Default: of 'fc' 0.5, of 'pooled' 0. */
  readonly headDropout?: number;
}

/** Channels of the 3 x 3 convolutions (columns A, B, D and E of the paper's Table 1); after every row a max-pooling. */
const table = {
  11: [[64], [128], [256, 256], [512, 512], [512, 512]],
  13: [
    [64, 64],
    [128, 128],
    [256, 256],
    [512, 512],
    [512, 512],
  ],
  16: [
    [64, 64],
    [128, 128],
    [256, 256, 256],
    [512, 512, 512],
    [512, 512, 512],
  ],
  19: [
    [64, 64],
    [128, 128],
    [256, 256, 256, 256],
    [512, 512, 512, 512],
    [512, 512, 512, 512],
  ],
} as const;

const encoderRules: Rules<VggEncoderSpec> = {
  depth: depthOf(table),
  batchNorm: optional(flag),
  inputChannels: optional(count),
  padding: optional(networkPadding),
};
const rules: Rules<VggSpec> = {
  ...encoderRules,
  classes: count,
  head: optional(oneOf('fc', 'pooled')),
  headDropout: optional(belowOne),
};

const pool = maxPool({ kernel: 2 });
const halving = { kernel: 2, stride: 2 };

/**
 * VGG (Simonyan and Zisserman, 2015): image [N, 3, H, W] to logits [N, classes]; 3 x 3 convolutions, five times halved.
 * Parameters are named as in torchvision: `features.N` and `classifier.N` ('pooled': `classifier`).
 */
export function vgg(spec: VggSpec): Network {
  checkOptions('vgg', spec, rules);
  const { classes, head = 'fc', headDropout = head === 'fc' ? 0.5 : 0, ...features } = spec;
  const { padding = 'same' } = features;
  const encoder = vggEncoder(features);
  const small: Initialiser = { kind: 'normal', sd: 0.01 };
  const heads: Record<typeof head, Layer> = {
    fc: sequential({
      flatten,
      classifier: sequential([
        linear(4096, { initialiser: small }),
        relu,
        dropout(headDropout),
        linear(4096, { initialiser: small }),
        relu,
        dropout(headDropout),
        linear(classes, { initialiser: small }),
      ]),
    }),
    pooled: sequential({ flatten, dropout: dropout(headDropout), classifier: linear(classes) }),
  };
  const average = head === 'fc' ? adaptiveAveragePool(7) : globalAveragePool;
  return defineClassifier(
    {
      name: encoder.name,
      inputChannels: encoder.inputChannels,
      classes,
      padding,
      steps: [...encoder.maps.flatMap((map) => map.steps), halving],
      more: head === 'fc' ? [] : [head],
      headBias: head === 'fc' ? 'classifier.6.bias' : 'classifier.bias',
    },
    [
      ...vggParts(features),
      { places: [], layer: chain(pool, average) },
      { places: ['classifier'], layer: heads[head] },
    ],
  );
}

/** Convolutions between two poolings, from the second on with the pooling before them. */
function vggParts({ depth, padding = 'same', batchNorm: hasNorms = false }: VggEncoderSpec): NetworkPart[] {
  const step = (channels: number): Layer[] =>
    hasNorms
      ? [conv(channels, { kernel: 3, padding }), batchNorm(), relu]
      : [conv(channels, { kernel: 3, padding }), relu];
  // `features` numbers everything through: convolutions, norms, activations and poolings.
  let index = 0;
  return table[depth].map((row, stage) => {
    const layers = [...(stage === 0 ? [] : [pool]), ...row.flatMap(step)].map((layer) => {
      return { name: `${index++}`, layer };
    });
    return {
      places: layers
        .filter(({ layer }) => layer !== pool && layer !== relu)
        .map(({ name }) => `features.${name}`),
      layer: below('features', chain(...layers.map(({ name, layer }) => below(name, layer)))),
    };
  });
}

/** The maps of VGG before each of its five max-poolings: strides 1, 2, 4, 8 and 16. */
export function vggEncoder(spec: VggEncoderSpec): Encoder {
  checkOptions('vggEncoder', spec, encoderRules);
  const { depth, inputChannels = 3, padding = 'same' } = spec;
  const rows = table[depth];
  const parts = vggParts(spec);
  return {
    name: `vgg${depth}${spec.batchNorm ? '-bn' : ''}`,
    inputChannels,
    maps: rows.map((row, stage) => ({
      channels: row[0],
      stride: 2 ** stage,
      steps: [...(stage === 0 ? [] : [halving]), ...row.map(() => windowStep(3, padding))],
    })),
    forward: (scope, image) => {
      let x = image;
      return parts.map(({ layer }) => {
        x = layer(scope, x);
        return x;
      });
    },
  };
}
