import { dropout, relu } from '../layers/activation.ts';
import { batchNorm } from '../layers/batch-norm.ts';
import { conv } from '../layers/convolution.ts';
import { below, chain, type Layer, sequential } from '../layers/layer.ts';
import { linear } from '../layers/linear.ts';
import { flatten, globalAveragePool, maxPool } from '../layers/pooling.ts';
import { residual } from '../layers/residual.ts';
import { checkOptions, type Rules } from '../options/check-options.ts';
import { belowOne, count, oneOf, optional } from '../options/rules.ts';
import { defineClassifier } from './classifier.ts';
import { depthOf } from './depth.ts';
import type { Encoder } from './encoder.ts';
import type { Network, NetworkPart } from './network.ts';
import { type NetworkPadding, networkPadding, type WindowStep, windowStep } from './size.ts';

export type ResNetDepth = keyof typeof table;

export interface ResNetEncoderSpec {
  /** Layers with weights, as the paper counts them. */
  readonly depth: ResNetDepth;
  /** Default 3. */
  readonly inputChannels?: number;
  /** Default 'same'. */
  readonly padding?: NetworkPadding;
  /** Of layer1 to layer4; default 4. */
  readonly stages?: 1 | 2 | 3 | 4;
}

export interface ResNetSpec extends ResNetEncoderSpec {
  readonly classes: number;
  /** Share of the features that training leaves out before the last layer. Default 0. */
  readonly headDropout?: number;
}

/** Blocks per stage (Table 1 of the paper). */
const table = {
  18: { blocks: [2, 2, 2, 2], bottleneck: false },
  34: { blocks: [3, 4, 6, 3], bottleneck: false },
  50: { blocks: [3, 4, 6, 3], bottleneck: true },
} as const;

const encoderRules: Rules<ResNetEncoderSpec> = {
  depth: depthOf(table),
  inputChannels: optional(count),
  padding: optional(networkPadding),
  stages: optional(oneOf(1, 2, 3, 4)),
};

/** Channels of a bottleneck's result per channel of its 3 x 3 convolution. */
const expansion = 4;

/**
 * ResNet (He, Zhang, Ren and Sun, 2016): image [N, 3, H, W] to logits [N, classes]. Parameters are named as in
 * torchvision and timm: `conv1`, `bn1`, `layer1.0.conv1`, ..., `fc`; as there, a bottleneck strides in its 3 x 3
 * convolution. With fewer `stages` the head follows the last of them.
 */
export function resnet(spec: ResNetSpec): Network {
  checkOptions('resnet', spec, { ...encoderRules, classes: count, headDropout: optional(belowOne) });
  const { classes, headDropout = 0, ...features } = spec;
  const { padding = 'same', stages = 4 } = features;
  const encoder = resnetEncoder(features);
  return defineClassifier(
    {
      name: encoder.name,
      inputChannels: encoder.inputChannels,
      classes,
      padding,
      steps: encoder.maps.flatMap((map) => map.steps),
      more: stages < 4 ? [`to layer${stages}`] : [],
      headBias: 'fc.bias',
    },
    [
      ...resnetParts(features),
      { places: [], layer: globalAveragePool },
      { places: ['fc'], layer: sequential({ flatten, dropout: dropout(headDropout), fc: linear(classes) }) },
    ],
  );
}

/** The stem, and layer1 to layer4 (the first with the pooling before it). */
function resnetParts(spec: ResNetEncoderSpec): NetworkPart[] {
  const { depth, padding = 'same', stages: kept = 4 } = spec;
  const { bottleneck, blocks } = table[depth];
  const stem = sequential({
    conv1: conv(64, { kernel: 7, stride: 2, padding: padding === 'same' ? 3 : 0, bias: false }),
    bn1: batchNorm(),
    relu,
  });
  const pool = maxPool({ kernel: 3, stride: 2, pads: padding === 'same' ? 1 : 0 });
  const stages = blocks.slice(0, kept).map((length, stage) => {
    const width = 64 * 2 ** stage;
    const make = bottleneck ? bottleneckBlock : basicBlock;
    const row = Array.from({ length }, (_, block) => make(width, strideOf(stage, block), padding));
    const name = `layer${stage + 1}`;
    const layer = below(name, sequential(row));
    return { places: [name], layer: stage === 0 ? chain(pool, layer) : layer };
  });
  return [{ places: ['conv1', 'bn1'], layer: stem }, ...stages];
}

function strideOf(stage: number, block: number): number {
  return stage > 0 && block === 0 ? 2 : 1;
}

/** The maps of ResNet: after the stem, and after each of layer1 to layer4; strides 2, 4, 8, 16 and 32. */
export function resnetEncoder(spec: ResNetEncoderSpec): Encoder {
  checkOptions('resnetEncoder', spec, encoderRules);
  const { depth, inputChannels = 3, padding = 'same', stages: kept = 4 } = spec;
  const { bottleneck, blocks: all } = table[depth];
  const blocks = all.slice(0, kept);
  const parts = resnetParts(spec);
  const stepsOf = (stage: number): WindowStep[] =>
    Array.from({ length: blocks[stage]! }, (_, block) => {
      const strided = windowStep(3, padding, strideOf(stage, block));
      return bottleneck ? [strided] : [strided, windowStep(3, padding)];
    }).flat();
  return {
    name: `resnet${depth}`,
    inputChannels,
    maps: [
      { channels: 64, stride: 2, steps: [windowStep(7, padding, 2)] },
      ...blocks.map((_, stage) => ({
        channels: 64 * 2 ** stage * (bottleneck ? expansion : 1),
        stride: 4 * 2 ** stage,
        steps: [...(stage === 0 ? [windowStep(3, padding, 2)] : []), ...stepsOf(stage)],
      })),
    ],
    forward: (scope, image) => {
      let x = image;
      return parts.map(({ layer }) => {
        x = layer(scope, x);
        return x;
      });
    },
  };
}

/** Two 3 x 3 convolutions. */
function basicBlock(width: number, stride: number, padding: NetworkPadding): Layer {
  const body = sequential({
    conv1: conv(width, { kernel: 3, stride, padding, bias: false }),
    bn1: batchNorm(),
    relu,
    conv2: conv(width, { kernel: 3, padding, bias: false }),
    bn2: batchNorm(),
  });
  return chain(residual({ body, shortcut: projection(width, stride), stride }), relu);
}

/** 1 x 1 to `width` channels, 3 x 3, 1 x 1 to four times as many. */
function bottleneckBlock(width: number, stride: number, padding: NetworkPadding): Layer {
  const body = sequential({
    conv1: conv(width, { kernel: 1, bias: false }),
    bn1: batchNorm(),
    relu1: relu,
    conv2: conv(width, { kernel: 3, stride, padding, bias: false }),
    bn2: batchNorm(),
    relu2: relu,
    conv3: conv(width * expansion, { kernel: 1, bias: false }),
    bn3: batchNorm(),
  });
  return chain(residual({ body, shortcut: projection(width * expansion, stride), stride }), relu);
}

/** The identity; where size or channels change, a 1 x 1 convolution with norm. */
function projection(channels: number, stride: number): Layer {
  const downsample = below(
    'downsample',
    sequential([conv(channels, { kernel: 1, stride, bias: false }), batchNorm()]),
  );
  return (scope, x) => (stride === 1 && x.shape[1] === channels ? x : downsample(scope, x));
}
