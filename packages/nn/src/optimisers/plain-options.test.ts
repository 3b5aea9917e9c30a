import { describe } from 'vitest';
import { type Refusal, refuses, untyped } from '../testing/refusals.ts';
import { optimiserOf } from './optimiser-of.ts';
import { scheduleOf } from './schedules/schedule-of.ts';
import { sgd } from './sgd.ts';

describe('optimisers and schedules name what makes none', () => {
  const cases: readonly Refusal[] = [
    [
      'no optimiser',
      () => optimiserOf(untyped(undefined)),
      /^optimiser must be an object with a name, .* found nothing$/,
    ],
    [
      'its name alone',
      () => optimiserOf(untyped('adam')),
      /^optimiser must be an object with a name, .* found 'adam'$/,
    ],
    [
      'unknown name',
      () => optimiserOf(untyped({ name: 'lion' })),
      /^optimiser: name must be 'sgd', 'adam' or 'adamw', found 'lion'$/,
    ],
    [
      'adam, momentum',
      () => optimiserOf(untyped({ name: 'adam', momentum: 0.9 })),
      /^adam: there is no option 'momentum'; there are beta1, beta2, epsilon, weightDecay, name$/,
    ],
    [
      'adamw, beta2',
      () => optimiserOf({ name: 'adamw', beta2: 1 }),
      /^adamw: beta2 must be a number in \[0, 1\), found 1$/,
    ],
    [
      'sgd, learningRate',
      () => sgd(untyped({ name: 'sgd', learningRate: 0.1 })),
      /^sgd: there is no option 'learningRate'/,
    ],
    [
      'sgd, momentum as text',
      () => optimiserOf({ name: 'sgd', momentum: untyped('0.9') }),
      /^sgd: momentum must be a number in \[0, 1\), found '0\.9'$/,
    ],
    [
      'no schedule',
      () => scheduleOf(untyped(undefined)),
      /^schedule must be an object with a name, .* found nothing$/,
    ],
    [
      'cosine without steps',
      () => scheduleOf(untyped({ name: 'cosine' })),
      /^schedule 'cosine': steps must be a positive whole number, found nothing$/,
    ],
    [
      'step without every',
      () => scheduleOf(untyped({ name: 'step', factor: 0.1 })),
      /^schedule 'step': every must be a positive whole number, or a list .* found nothing$/,
    ],
    [
      'warmup',
      () => scheduleOf(untyped({ name: 'constant', warmup: 5 })),
      /^schedule 'constant': there is no option 'warmup'; there are name, warmUpSteps, /,
    ],
  ];
  refuses(cases);
});
