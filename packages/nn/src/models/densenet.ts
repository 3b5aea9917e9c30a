import { dropout, relu } from '../layers/activation.ts';
import { batchNorm } from '../layers/batch-norm.ts';
import { conv } from '../layers/convolution.ts';
import { dense } from '../layers/dense.ts';
import { below, chain, type Layer, sequential } from '../layers/layer.ts';
import { linear } from '../layers/linear.ts';
import { averagePool, flatten, globalAveragePool, maxPool } from '../layers/pooling.ts';
import { checkOptions, type Rules } from '../options/check-options.ts';
import { belowOne, count, optional } from '../options/rules.ts';
import { defineClassifier } from './classifier.ts';
import { depthOf } from './depth.ts';
import type { Network, NetworkPart } from './network.ts';
import { type NetworkPadding, networkPadding, windowStep } from './size.ts';

export type DenseNetDepth = keyof typeof table;

export interface DenseNetSpec {
  /** Layers with weights, as the paper counts them. */
  readonly depth: DenseNetDepth;
  readonly classes: number;
  /** Default 3. */
  readonly inputChannels?: number;
  /** Default 'same'. Without padding, the smallest image is 2071 (DenseNet121) or 3351 pixels wide. */
  readonly padding?: NetworkPadding;
  /** Share of the features that training leaves out before the last layer. Default 0. */
  readonly headDropout?: number;
}

/** Dense layers per block (Table 1 of the paper). */
const table = { 121: [6, 12, 24, 16], 169: [6, 12, 32, 32] } as const;

const rules: Rules<DenseNetSpec> = {
  depth: depthOf(table),
  classes: count,
  inputChannels: optional(count),
  padding: optional(networkPadding),
  headDropout: optional(belowOne),
};

/** Channels that every dense layer adds. */
const growth = 32;
/** Channels of the 1 x 1 convolution in a dense layer. */
const bottleneck = 4 * growth;
const firstChannels = 64;

/**
 * DenseNet-BC (Huang, Liu, van der Maaten and Weinberger, 2017): image [N, 3, H, W] to logits [N, classes]. Parameters
 * are named as in torchvision and timm: `features.denseblock1.denselayer1.norm1`, ..., `classifier`.
 */
export function densenet(spec: DenseNetSpec): Network {
  checkOptions('densenet', spec, rules);
  const { depth, classes, inputChannels = 3, padding = 'same', headDropout } = spec;
  return denseNetOf({
    name: `densenet${depth}`,
    blocks: table[depth],
    classes,
    inputChannels,
    padding,
    headDropout,
  });
}

interface Plan {
  readonly name: string;
  readonly blocks: readonly number[];
  readonly classes: number;
  readonly inputChannels: number;
  readonly padding: NetworkPadding;
  readonly headDropout?: number;
}

/** The same with other numbers of layers, for tests. */
export function denseNetOf({
  name,
  blocks,
  classes,
  inputChannels,
  padding,
  headDropout = 0,
}: Plan): Network {
  const side = padding === 'same' ? 1 : 0;
  const pool = maxPool({ kernel: 3, stride: 2, pads: side });
  const stem = {
    conv0: conv(firstChannels, { kernel: 7, stride: 2, padding: 3 * side, bias: false }),
    norm0: batchNorm(),
    relu0: relu,
    pool0: pool,
  };
  const steps = [windowStep(7, padding, 2), windowStep(3, padding, 2)];
  let channels = firstChannels;
  const stages = blocks.map((length, index): Record<string, Layer> => {
    const layers: Record<string, Layer> = {};
    for (let i = 1; i <= length; i++) {
      layers[`denselayer${i}`] = denseLayer(padding);
      steps.push(windowStep(3, padding));
    }
    const block = { ...(index === 0 && stem), [`denseblock${index + 1}`]: sequential(layers) };
    channels += length * growth;
    if (index === blocks.length - 1) return { ...block, norm5: batchNorm() };
    channels = Math.floor(channels / 2);
    const transition = sequential({
      norm: batchNorm(),
      relu,
      conv: conv(channels, { kernel: 1, bias: false }),
      pool: averagePool({ kernel: 2 }),
    });
    steps.push({ kernel: 2, stride: 2 });
    return { ...block, [`transition${index + 1}`]: transition };
  });
  const parts: NetworkPart[] = [
    ...stages.map((layers) => ({
      places: Object.entries(layers)
        .filter(([, layer]) => layer !== relu && layer !== pool)
        .map(([name]) => `features.${name}`),
      layer: below('features', sequential(layers)),
    })),
    { places: [], layer: chain(relu, globalAveragePool) },
    {
      places: ['classifier'],
      layer: sequential({ flatten, dropout: dropout(headDropout), classifier: linear(classes) }),
    },
  ];
  return defineClassifier(
    {
      name,
      inputChannels,
      classes,
      padding,
      steps,
      headBias: 'classifier.bias',
    },
    parts,
  );
}

function denseLayer(padding: NetworkPadding): Layer {
  return dense(
    sequential({
      norm1: batchNorm(),
      relu1: relu,
      conv1: conv(bottleneck, { kernel: 1, bias: false }),
      norm2: batchNorm(),
      relu2: relu,
      conv2: conv(growth, { kernel: 3, padding, bias: false }),
    }),
  );
}
