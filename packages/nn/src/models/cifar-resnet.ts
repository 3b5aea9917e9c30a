import type { Tensor } from '../graph/tensor.ts';
import { relu } from '../layers/activation.ts';
import { batchNorm } from '../layers/batch-norm.ts';
import { conv } from '../layers/convolution.ts';
import { chain, type Layer, pure, sequential } from '../layers/layer.ts';
import { linear } from '../layers/linear.ts';
import { flatten, globalAveragePool } from '../layers/pooling.ts';
import { residual } from '../layers/residual.ts';
import { slice } from '../operators/layout.ts';
import { pad } from '../operators/pad.ts';
import { checkOptions, type Rules } from '../options/check-options.ts';
import { count, optional } from '../options/rules.ts';
import { defineClassifier } from './classifier.ts';
import type { Network } from './network.ts';
import { type NetworkPadding, networkPadding, windowStep } from './size.ts';

export interface CifarResNetSpec {
  readonly classes: number;
  /** Default 3. */
  readonly inputChannels?: number;
  /** Default 'same'. */
  readonly padding?: NetworkPadding;
}

const rules: Rules<CifarResNetSpec> = {
  classes: count,
  inputChannels: optional(count),
  padding: optional(networkPadding),
};

/** Channels of the three stages, and blocks of each: 20 = 6 * 3 + 2 layers. */
const widths = [16, 32, 64] as const;
const blocks = 3;

/**
 * ResNet20 for small images (He, Zhang, Ren and Sun, 2016, section 4.2): image [N, 3, H, W], 32 x 32 in the paper, to
 * logits [N, classes]. Shortcuts have no parameters (the paper's option A): where channels double, every second pixel,
 * with channels of zeros on either side as in the weights of akamaster's pytorch_resnet_cifar10. Parameters: `conv1`,
 * `bn1`, `layer1.0.conv1`, ..., `linear`.
 */
export function resnet20(spec: CifarResNetSpec): Network {
  checkOptions('resnet20', spec, rules);
  const { classes, inputChannels = 3, padding = 'same' } = spec;
  const strideOf = (stage: number, index: number) => (stage > 0 && index === 0 ? 2 : 1);
  const indices = Array.from({ length: blocks }, (_, index) => index);
  const stages = widths.map((width, stage) => [
    `layer${stage + 1}`,
    sequential(indices.map((index) => block(width, strideOf(stage, index), padding))),
  ]);
  const network = sequential({
    conv1: conv(widths[0], { kernel: 3, padding, bias: false }),
    bn1: batchNorm(),
    relu,
    ...(Object.fromEntries(stages) as Record<string, Layer>),
    avgpool: globalAveragePool,
    flatten,
    linear: linear(classes),
  });
  const steps = [
    windowStep(3, padding),
    ...widths.flatMap((_, stage) =>
      indices.flatMap((index) => [windowStep(3, padding, strideOf(stage, index)), windowStep(3, padding)]),
    ),
  ];
  return defineClassifier(
    {
      name: 'resnet20',
      inputChannels,
      classes,
      padding,
      steps,
      headBias: 'linear.bias',
    },
    network,
  );
}

function block(width: number, stride: number, padding: NetworkPadding): Layer {
  const body = sequential({
    conv1: conv(width, { kernel: 3, stride, padding, bias: false }),
    bn1: batchNorm(),
    relu,
    conv2: conv(width, { kernel: 3, padding, bias: false }),
    bn2: batchNorm(),
  });
  const shortcut = pure((x) => (stride === 1 ? x : subsampled(x, stride, width)));
  return chain(residual({ body, shortcut, stride }), relu);
}

/** Every `stride`th pixel of x [N, C, H, W], with channels of zeros before and after to make them `channels`. */
function subsampled(x: Tensor, stride: number, channels: number): Tensor {
  const [, c, h, w] = x.shape as [number, number, number, number];
  const fewer = slice(slice(x, 2, 0, h, stride), 3, 0, w, stride);
  const side = (channels - c) / 2;
  return pad(fewer, [0, side, 0, 0], [0, side, 0, 0]);
}
