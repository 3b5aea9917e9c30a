import { dropout, relu } from '../layers/activation.ts';
import { batchNorm } from '../layers/batch-norm.ts';
import { conv } from '../layers/convolution.ts';
import { dense } from '../layers/dense.ts';
import { below, chain, type Layer, sequential } from '../layers/layer.ts';
import { linear } from '../layers/linear.ts';
import { averagePool, flatten, globalAveragePool } from '../layers/pooling.ts';
import { checkOptions, type Rules } from '../options/check-options.ts';
import { belowOne, count, oneOf, optional } from '../options/rules.ts';
import { defineClassifier } from './classifier.ts';
import type { Network, NetworkPart } from './network.ts';
import { type NetworkPadding, networkPadding, windowStep } from './size.ts';

export interface CifarDenseNetSpec {
  readonly classes: number;
  /**
   * 'published' (default): batch norm, ReLU and convolution everywhere, as the paper has it. 'fast': batch norm after
   * the first convolution and at the end of transitions only, as in the Keras weights 'DenseNet-Fast-40-12'.
   */
  readonly form?: 'published' | 'fast';
  /** Share of elements zeroed after every convolution but the first, in training; the paper has 0.2 where it does not augment. Default 0. */
  readonly dropout?: number;
  /** Share of the features that training leaves out before the last layer. Default 0. */
  readonly headDropout?: number;
  /** Default 3. */
  readonly inputChannels?: number;
  /** Default 'same'. */
  readonly padding?: NetworkPadding;
}

const rules: Rules<CifarDenseNetSpec> = {
  classes: count,
  form: optional(oneOf('published', 'fast')),
  dropout: optional(belowOne),
  headDropout: optional(belowOne),
  inputChannels: optional(count),
  padding: optional(networkPadding),
};

const growth = 12;
const blocks = 3;
const layersPerBlock = 12;
const firstChannels = 16;

/**
 * DenseNet-40-12 for small images (Huang, Liu, van der Maaten and Weinberger, 2017; 40 layers, growth rate 12, neither
 * bottleneck nor compression): image [N, 3, H, W], 32 x 32 in the paper, to logits [N, classes]. Parameters:
 * `features.conv0`, `features.denseblock1.denselayer1.norm1` and `.conv1`, `features.transition1.norm` and `.conv`,
 * `features.norm5`, `classifier`.
 */
export function densenet40(spec: CifarDenseNetSpec): Network {
  checkOptions('densenet40', spec, rules);
  const { classes, form = 'published', inputChannels = 3, padding = 'same' } = spec;
  const published = form === 'published';
  const rate = spec.dropout ?? 0;
  const { headDropout = 0 } = spec;
  const drop: Record<string, Layer> = rate > 0 ? { dropout: dropout(rate) } : {};
  const denseLayer = (): Layer =>
    dense(
      sequential({
        ...(published && { norm1: batchNorm() }),
        relu1: relu,
        conv1: conv(growth, { kernel: 3, padding, bias: false }),
        ...drop,
      }),
    );
  const transition = (channels: number): Layer => {
    const convolution = conv(channels, { kernel: 1, bias: false });
    const pool = averagePool({ kernel: 2 });
    return published
      ? sequential({ norm: batchNorm(), relu, conv: convolution, ...drop, pool })
      : sequential({ conv: convolution, ...drop, pool, norm: batchNorm() });
  };

  const stem: Record<string, Layer> = {
    conv0: conv(firstChannels, { kernel: 3, padding, bias: false }),
    ...(!published && { norm0: batchNorm() }),
  };
  const steps = [windowStep(3, padding)];
  const stages: Record<string, Layer>[] = [];
  for (let block = 1; block <= blocks; block++) {
    const stage: Record<string, Layer> = block === 1 ? stem : {};
    stages.push(stage);
    const layers: Record<string, Layer> = {};
    for (let i = 1; i <= layersPerBlock; i++) {
      layers[`denselayer${i}`] = denseLayer();
      steps.push(windowStep(3, padding));
    }
    stage[`denseblock${block}`] = sequential(layers);
    if (block === blocks) break;
    stage[`transition${block}`] = transition(firstChannels + block * layersPerBlock * growth);
    steps.push({ kernel: 2, stride: 2 });
  }
  if (published) stages.at(-1)!.norm5 = batchNorm();
  const parts: NetworkPart[] = [
    ...stages.map((layers) => ({
      places: Object.keys(layers).map((name) => `features.${name}`),
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
      name: 'densenet40-12',
      more: [...(published ? [] : [form]), ...(rate > 0 ? [`dropout ${rate}`] : [])],
      inputChannels,
      classes,
      padding,
      steps,
      headBias: 'classifier.bias',
    },
    parts,
  );
}
