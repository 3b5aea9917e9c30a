import { describe } from 'vitest';
import { input } from '../graph/tensor.ts';
import { type Refusal, refuses, untyped } from '../testing/refusals.ts';
import { dropout, leakyRelu, relu } from './activation.ts';
import { batchNorm } from './batch-norm.ts';
import { conv } from './convolution.ts';
import { dense } from './dense.ts';
import { groupNorm, instanceNorm } from './group-norm.ts';
import { below, chain, sequential } from './layer.ts';
import { linear } from './linear.ts';
import { adaptiveAveragePool, averagePool, maxPool } from './pooling.ts';
import { residual } from './residual.ts';
import { enlarge } from './resize.ts';
import { scopeOf } from './scope.ts';
import { upConv } from './up-convolution.ts';

const scope = scopeOf({
  parameter: (name, { shape }) => input(name, shape),
  batchNorm: (_, x) => x,
  dropout: (_, x) => x,
});

describe('a layer refuses options where it is written, not where it is built', () => {
  const cases: readonly Refusal[] = [
    [
      'conv, channels',
      () => conv(untyped('8'), { kernel: 3 }),
      /^conv: outputChannels must be a positive whole number, found '8'$/,
    ],
    [
      'conv without options',
      () => conv(8, untyped(undefined)),
      /^conv: expected an object of options \(kernel, .*\), found nothing$/,
    ],
    [
      'conv, kernel',
      () => conv(8, { kernel: 0 }),
      /^conv: kernel must be a positive whole number, or a list of such .* found 0$/,
    ],
    ['conv, kernel of one axis', () => conv(8, { kernel: [3, 1.5] }), /^conv: kernel .* \(item 1 is 1\.5\)$/],
    [
      'conv, padding',
      () => conv(8, { kernel: 3, padding: untyped('SAME') }),
      /^conv: padding must be 'same' or 'valid', or a whole number from 0, found 'SAME'$/,
    ],
    [
      'conv, groups',
      () => conv(8, { kernel: 3, groups: 0 }),
      /^conv: groups must be a positive whole number, found 0$/,
    ],
    [
      'conv, initialiser',
      () => conv(8, { kernel: 3, initialiser: untyped('he') }),
      /^conv: initialiser must be .* found 'he'$/,
    ],
    [
      'conv, strides',
      () => conv(8, untyped({ kernel: 3, strides: 2 })),
      /^conv: there is no option 'strides'; there are kernel, stride, /,
    ],
    ['upConv, factor', () => upConv(8, { factor: -2 }), /^upConv: factor must be .* found -2$/],
    [
      'linear, outputs',
      () => linear(untyped(undefined)),
      /^linear: outputs must be a positive whole number, found nothing$/,
    ],
    ['linear, bias', () => linear(2, { bias: untyped(0) }), /^linear: bias must be true or false, found 0$/],
    [
      'batchNorm, epsilon',
      () => batchNorm({ epsilon: 0 }),
      /^batchNorm: epsilon must be a positive number, found 0$/,
    ],
    [
      'batchNorm, momentum',
      () => batchNorm({ momentum: 10 }),
      /^batchNorm: momentum must be a number from 0 to 1, found 10$/,
    ],
    [
      'batchNorm, eps',
      () => batchNorm(untyped({ eps: 1e-3 })),
      /^batchNorm: there is no option 'eps'; there are epsilon, momentum$/,
    ],
    [
      'groupNorm, groups',
      () => groupNorm(untyped({ groups: 4 })),
      /^groupNorm: groups must be a positive whole number, found an object with groups$/,
    ],
    [
      'instanceNorm, affine',
      () => instanceNorm({ affine: untyped('no') }),
      /^instanceNorm: affine must be true or false, found 'no'$/,
    ],
    [
      'maxPool, kernel',
      () => maxPool(untyped(2)),
      /^maxPool: expected an object of options \(kernel, stride, pads, ceilMode\), found 2$/,
    ],
    [
      'maxPool, padding',
      () => maxPool(untyped({ kernel: 2, padding: 1 })),
      /^maxPool: there is no option 'padding'; there are kernel, stride, pads, ceilMode$/,
    ],
    [
      'averagePool, countIncludePad',
      () => averagePool({ kernel: 2, countIncludePad: untyped(1) }),
      /^averagePool: countIncludePad must be true or false, found 1$/,
    ],
    ['adaptiveAveragePool, size', () => adaptiveAveragePool(0), /^adaptiveAveragePool: size must be/],
    [
      'enlarge, mode',
      () => enlarge(untyped('cubic'), 2),
      /^enlarge: mode must be 'nearest' or 'linear', found 'cubic'$/,
    ],
    [
      'leakyRelu, slope',
      () => leakyRelu(Number.NaN),
      /^leakyRelu: slope must be a number from 0, found NaN$/,
    ],
    ['dropout, rate', () => dropout(50), /^dropout: rate must be a number in \[0, 1\), found 50$/],
    [
      'residual, body',
      () => residual(untyped({ shortcut: relu })),
      /^residual: body must be a layer: .* found nothing$/,
    ],
    ['dense, layer', () => dense(untyped([relu])), /^dense: layer must be a layer: .* found \[.*\]$/],
    [
      'sequential, one of them',
      () => sequential([relu, untyped({ conv })]),
      /^sequential: layers must be a list of layers, or an object of layers by name, .* \(item 1 is an object with conv\)$/,
    ],
    [
      'sequential, by name',
      () => sequential({ first: relu, second: untyped(undefined) }),
      /^sequential: layers .* \('second' is nothing\)$/,
    ],
    ['chain', () => chain(relu, untyped('relu')), /^chain: layer 1 must be a layer: .* found 'relu'$/],
    ['below, name', () => below('', relu), /^below: name must be a text that is not empty, found ''$/],
    [
      'conv, kernel of three axes on two',
      () => conv(8, { kernel: [3, 3, 3] })(scope, input('x', [1, 1, 8, 8])),
      /^conv: kernel must be 2 whole numbers from 1 on, found \[3, 3, 3\]/,
    ],
  ];
  refuses(cases);
});
