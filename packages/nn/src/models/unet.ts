import type { Tensor } from '../graph/tensor.ts';
import { leakyRelu, relu } from '../layers/activation.ts';
import { batchNorm } from '../layers/batch-norm.ts';
import { conv } from '../layers/convolution.ts';
import { concatChannels } from '../layers/crop.ts';
import { instanceNorm } from '../layers/group-norm.ts';
import { below, chain, type Layer, sequential } from '../layers/layer.ts';
import { maxPool } from '../layers/pooling.ts';
import { identity, residual } from '../layers/residual.ts';
import { upConv } from '../layers/up-convolution.ts';
import { checkOptions, type Rules } from '../options/check-options.ts';
import { count, oneOf, optional } from '../options/rules.ts';
import { defineNetwork, type Network } from './network.ts';
import { type NetworkPadding, networkPadding, smallestLength, windowStep } from './size.ts';

export interface UNetSpec {
  readonly inputChannels: number;
  readonly classes: number;
  /** Channels of the full resolution; they double per level up to `maxChannels`. */
  readonly baseChannels: number;
  readonly maxChannels: number;
  /** Resolutions, the full one included: 5 levels halve four times. */
  readonly levels: number;
  readonly convolutionsPerLevel: number;
  /**
   * 'plain' (default): convolutions one after the other; 'residual': with the identity around them, or a 1 x 1
   * convolution where the number of channels changes.
   */
  readonly block?: 'plain' | 'residual';
  /** After every convolution but the head; default 'batch'. With one image in a batch, 'instance' suits better. */
  readonly norm?: 'batch' | 'instance' | 'none';
  /** 'leakyRelu' has slope 0.01 below zero. Default 'relu'. */
  readonly activation?: 'relu' | 'leakyRelu';
  /**
   * Default 'same'. 'valid': as in the first paper; skip connections are cropped, and the logits are those of the middle
   * of the image.
   */
  readonly padding?: NetworkPadding;
}

const norms = { batch: batchNorm(), instance: instanceNorm(), none: identity };
const activations = { relu, leakyRelu: leakyRelu(0.01) };

const rules: Rules<UNetSpec> = {
  inputChannels: count,
  classes: count,
  baseChannels: count,
  maxChannels: count,
  levels: count,
  convolutionsPerLevel: count,
  block: optional(oneOf('plain', 'residual')),
  norm: optional(oneOf(...Object.keys(norms))),
  activation: optional(oneOf(...Object.keys(activations))),
  padding: optional(networkPadding),
};

/**
 * U-Net (Ronneberger, Fischer and Brox, 2015; in 3-D Çiçek et al., 2016): per level `convolutionsPerLevel` times a
 * convolution of kernel 3, norm and activation; max-pooling by 2 down; up-convolution by 2 and skip connection up; a
 * 1 x 1 head. Parameters: `encoder0.conv1`, `encoder0.norm1`, ..., `up0`, `decoder0.conv1`, ..., `head`, with 0 for the
 * full resolution; residual blocks also have `shortcut.conv` and `shortcut.norm`.
 */
export function unet(rank: 2 | 3, spec: UNetSpec): Network {
  checkOptions(`unet${rank}d`, spec, rules);
  const { inputChannels, classes, levels } = spec;
  const channelsOf = (level: number) => Math.min(spec.baseChannels * 2 ** level, spec.maxChannels);
  const pool = maxPool({ kernel: 2 });
  const smallest = smallestSize(spec);
  return defineNetwork(
    {
      name: nameOf(rank, spec),
      task: 'segmentation',
      inputChannels,
      classes,
      smallestSize: new Array<number>(rank).fill(smallest),
      divisor: 2 ** (levels - 1),
      headBias: 'head.bias',
    },
    (scope, image) => {
      const skips: Tensor[] = [];
      let x = image;
      for (let level = 0; level < levels; level++) {
        if (level > 0) x = pool(scope, x);
        x = block(spec, channelsOf(level))(scope.child(`encoder${level}`), x);
        skips.push(x);
      }
      for (let level = levels - 2; level >= 0; level--) {
        const up = upConv(channelsOf(level))(scope.child(`up${level}`), x);
        const joined = concatChannels([skips[level]!, up]);
        x = block(spec, channelsOf(level))(scope.child(`decoder${level}`), joined);
      }
      return conv(classes, { kernel: 1 })(scope.child('head'), x);
    },
  );
}

/** `count` times convolution, norm, activation: conv1, norm1, conv2, norm2, ... */
function block(spec: UNetSpec, channels: number): Layer {
  const { convolutionsPerLevel: count, norm = 'batch', activation = 'relu', padding = 'same' } = spec;
  const bias = norm === 'none';
  const isResidual = spec.block === 'residual';
  const layers: Record<string, Layer> = {};
  for (let i = 1; i <= count; i++) {
    layers[`conv${i}`] = conv(channels, { kernel: 3, padding, bias });
    layers[`norm${i}`] = norms[norm];
    // A residual block has its last activation after the sum.
    if (!isResidual || i < count) layers[`activation${i}`] = activations[activation];
  }
  const body = sequential(layers);
  if (!isResidual) return body;
  const projection = below(
    'shortcut',
    sequential({ conv: conv(channels, { kernel: 1, bias }), norm: norms[norm] }),
  );
  const shortcut: Layer = (scope, x) => (x.shape[1] === channels ? x : projection(scope, x));
  return chain(residual({ body, shortcut }), activations[activation]);
}

function smallestSize({ levels, convolutionsPerLevel, padding = 'same' }: UNetSpec): number {
  if (padding === 'same') return 2 ** (levels - 1);
  const border = 2 * convolutionsPerLevel;
  // Up from one pixel of logits: every decoder level loses a border, and is twice as large as the one below.
  let bottom = 1;
  for (let level = 0; level < levels - 1; level++) bottom = Math.ceil((bottom + border) / 2);
  const convolutions = new Array(convolutionsPerLevel).fill(windowStep(3, padding));
  const steps = Array.from({ length: levels }, (_, level) =>
    level === 0 ? convolutions : [{ kernel: 2, stride: 2 }, ...convolutions],
  );
  return smallestLength(steps.flat(), bottom);
}

function nameOf(rank: number, spec: UNetSpec): string {
  const { norm = 'batch', activation = 'relu', padding = 'same' } = spec;
  const parts = [
    `unet-${rank}d ${spec.inputChannels}>${spec.classes} base ${spec.baseChannels} max ${spec.maxChannels} levels ${spec.levels} x${spec.convolutionsPerLevel}`,
    ...(spec.block === 'residual' ? ['residual'] : []),
    ...(norm === 'none' ? ['without norm'] : norm === 'instance' ? ['instance norm'] : []),
    ...(activation === 'leakyRelu' ? ['leaky'] : []),
    ...(padding === 'valid' ? ['valid'] : []),
  ];
  return parts.join(' ');
}
