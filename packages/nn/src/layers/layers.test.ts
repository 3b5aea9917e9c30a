import { expect, test } from 'vitest';
import { input } from '../graph/tensor.ts';
import { leakyRelu, relu } from './activation.ts';
import { batchNorm } from './batch-norm.ts';
import { conv } from './convolution.ts';
import { groupNorm, instanceNorm } from './group-norm.ts';
import { below, chain, type Layer, sequential } from './layer.ts';
import { linear } from './linear.ts';
import { adaptiveAveragePool, averagePool, flatten, globalAveragePool, maxPool } from './pooling.ts';
import { enlarge } from './resize.ts';
import { scopeOf } from './scope.ts';
import { upConv } from './up-convolution.ts';

/** Shape of the result, and what the layer declares, as text. */
function built(layer: Layer, shape: readonly number[]) {
  const declared: string[] = [];
  const scope = scopeOf({
    parameter: (name, spec) => {
      declared.push(`${name} ${spec.shape.join('x')}${spec.decays ? ' decays' : ''}`);
      return input(name, spec.shape);
    },
    batchNorm: (name, x) => {
      declared.push(`${name}.running`);
      return x;
    },
    dropout: (_, x) => x,
  });
  return { shape: layer(scope, input('x', shape)).shape, declared };
}

test('names are those of torch.nn: numbers in a list, keys in an object, nothing for a chain', () => {
  const layer = sequential({
    features: sequential([conv(4, { kernel: 3 }), batchNorm(), relu]),
    0: chain(below('inner', conv(2, { kernel: 1, bias: false })), relu),
  });
  // Whole numbers come first in an object, wherever they are written.
  expect(built(layer, [1, 3, 8, 8])).toEqual({
    shape: [1, 4, 8, 8],
    declared: [
      '0.inner.weight 2x3x1x1 decays',
      'features.0.weight 4x2x3x3 decays',
      'features.0.bias 4',
      'features.1.weight 4',
      'features.1.bias 4',
      'features.1.running',
    ],
  });
});

test.each<{ name: string; layer: Layer; image: number[]; shape: number[]; declared: string[] }>([
  {
    name: 'convolution of a volume in groups',
    layer: conv(6, { kernel: [1, 3, 3], stride: [1, 2, 2], groups: 3 }),
    image: [2, 3, 4, 8, 9],
    shape: [2, 6, 4, 4, 5],
    declared: ['weight 6x1x1x3x3 decays', 'bias 6'],
  },
  {
    name: 'unpadded, dilated convolution',
    layer: conv(2, { kernel: 3, padding: 'valid', dilation: 2, bias: false }),
    image: [1, 1, 9, 8],
    shape: [1, 2, 5, 4],
    declared: ['weight 2x1x3x3 decays'],
  },
  {
    name: 'linear',
    layer: linear(3),
    image: [2, 5],
    shape: [2, 3],
    declared: ['weight 3x5 decays', 'bias 3'],
  },
  {
    name: 'linear without bias',
    layer: linear(3, { bias: false }),
    image: [2, 5],
    shape: [2, 3],
    declared: ['weight 3x5 decays'],
  },
  {
    name: 'group norm',
    layer: groupNorm(2),
    image: [2, 4, 3, 3],
    shape: [2, 4, 3, 3],
    declared: ['weight 4', 'bias 4'],
  },
  {
    name: 'instance norm of a volume',
    layer: instanceNorm(),
    image: [1, 4, 3, 3, 2],
    shape: [1, 4, 3, 3, 2],
    declared: ['weight 4', 'bias 4'],
  },
  {
    name: 'instance norm, not affine',
    layer: instanceNorm({ affine: false }),
    image: [1, 4, 3, 3],
    shape: [1, 4, 3, 3],
    declared: [],
  },
  {
    name: 'max-pooling',
    layer: maxPool({ kernel: 3, stride: 2, ceilMode: true }),
    image: [1, 1, 6, 7],
    shape: [1, 1, 3, 3],
    declared: [],
  },
  {
    name: 'average pooling',
    layer: averagePool({ kernel: 2 }),
    image: [1, 1, 6, 7],
    shape: [1, 1, 3, 3],
    declared: [],
  },
  {
    name: 'pooling to a size, then to a vector',
    layer: chain(adaptiveAveragePool(7), flatten),
    image: [2, 3, 5, 16],
    shape: [2, 147],
    declared: [],
  },
  {
    name: 'up-convolution of a volume, not in depth',
    layer: upConv(2, { factor: [1, 2, 3] }),
    image: [1, 4, 3, 2, 2],
    shape: [1, 2, 3, 4, 6],
    declared: ['weight 4x2x1x2x3 decays', 'bias 2'],
  },
  {
    name: 'up-convolution without bias',
    layer: upConv(2, { bias: false }),
    image: [1, 4, 3, 2],
    shape: [1, 2, 6, 4],
    declared: ['weight 4x2x2x2 decays'],
  },
  {
    name: 'enlarging',
    layer: chain(enlarge('nearest'), enlarge('linear', [1, 3])),
    image: [1, 4, 3, 2],
    shape: [1, 4, 6, 12],
    declared: [],
  },
  {
    name: 'means, leaky',
    layer: chain(globalAveragePool, leakyRelu()),
    image: [2, 3, 5, 16],
    shape: [2, 3, 1, 1],
    declared: [],
  },
])('$name', ({ layer, image, shape, declared }) => {
  expect(built(layer, image)).toEqual({ shape, declared });
});
