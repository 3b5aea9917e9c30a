import { dropout, relu } from '../layers/activation.ts';
import { conv } from '../layers/convolution.ts';
import { concatChannels } from '../layers/crop.ts';
import { type Layer, sequential } from '../layers/layer.ts';
import { flatten, globalAveragePool, maxPool } from '../layers/pooling.ts';
import { checkOptions, type Rules } from '../options/check-options.ts';
import { count, optional } from '../options/rules.ts';
import { defineClassifier } from './classifier.ts';
import type { Network } from './network.ts';
import { type NetworkPadding, networkPadding, type WindowStep, windowStep } from './size.ts';

export interface SqueezeNetSpec {
  readonly classes: number;
  /** Default 3. */
  readonly inputChannels?: number;
  /** Of the 3 x 3 convolutions in the fire modules; everything else has none. Default 'same'. */
  readonly padding?: NetworkPadding;
}

const rules: Rules<SqueezeNetSpec> = {
  classes: count,
  inputChannels: optional(count),
  padding: optional(networkPadding),
};

/** Max-pooling, or channels of a fire module: its squeeze, and each half of its expansion. */
const table = [
  'pool',
  [16, 64],
  [16, 64],
  [32, 128],
  'pool',
  [32, 128],
  [48, 192],
  [48, 192],
  [64, 256],
  'pool',
  [64, 256],
] as const;

const halving: WindowStep = { kernel: 3, stride: 2, ceilMode: true };

/**
 * SqueezeNet 1.0 (Iandola et al., 2016): image [N, 3, H, W] to logits [N, classes]. Poolings keep a last incomplete
 * window. Parameters are named as in torchvision: `features.0`, `features.3.squeeze`, `features.3.expand1x1`, ...,
 * `classifier.1`. A ReLU and the mean of all pixels follow the last convolution, so that there is no bias for priors.
 */
export function squeezenet(spec: SqueezeNetSpec): Network {
  checkOptions('squeezenet', spec, rules);
  const { classes, inputChannels = 3, padding = 'same' } = spec;
  const features = table.map((entry) =>
    entry === 'pool' ? maxPool({ kernel: 3, stride: 2, ceilMode: true }) : fire(entry, padding),
  );
  const network = sequential({
    features: sequential([conv(96, { kernel: 7, stride: 2, padding: 'valid' }), relu, ...features]),
    classifier: sequential([
      dropout(0.5),
      conv(classes, { kernel: 1, initialiser: { kind: 'normal', sd: 0.01 } }),
      relu,
      globalAveragePool,
      flatten,
    ]),
  });
  const steps = [
    { kernel: 7, stride: 2 },
    ...table.map((entry) => (entry === 'pool' ? halving : windowStep(3, padding))),
  ];
  return defineClassifier(
    {
      name: 'squeezenet1.0',
      inputChannels,
      classes,
      padding,
      steps,
    },
    network,
  );
}

/** A 1 x 1 convolution to few channels; a 1 x 1 and a 3 x 3 of its result side by side. */
function fire([squeezed, expanded]: readonly [number, number], padding: NetworkPadding): Layer {
  const squeeze = sequential({ squeeze: conv(squeezed, { kernel: 1 }), relu });
  const expand1 = sequential({ expand1x1: conv(expanded, { kernel: 1 }), relu });
  const expand3 = sequential({ expand3x3: conv(expanded, { kernel: 3, padding }), relu });
  return (scope, image) => {
    const x = squeeze(scope, image);
    return concatChannels([expand1(scope, x), expand3(scope, x)]);
  };
}
