import { gradients } from '../autodiff/gradients.ts';
import { NetworkError } from '../errors/network-error.ts';
import { formatShape } from '../graph/shape.ts';
import { input, type Tensor } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import { type SegmentationLossOptions, segmentationLoss } from '../losses/segmentation-loss.ts';
import type { Network } from '../models/network.ts';
import { sqrt } from '../operators/elementwise.ts';
import { concat, reshape } from '../operators/layout.ts';
import { reduceSumSquare } from '../operators/reduce.ts';
import { type AdamOptions, adamStep, movingAverage } from '../optimisers/adam.ts';
import { layoutOf, type NetworkLayout } from './layout.ts';
import { trainingScope } from './scopes.ts';

export interface StepGraphOptions {
  readonly network: Network;
  readonly batchSize: number;
  readonly height: number;
  readonly width: number;
  readonly loss: SegmentationLossOptions;
  readonly optimiser: AdamOptions;
  /** Keep a moving average of weights and running statistics. */
  readonly averaging: boolean;
}

/** The flat vectors that pass from step to step. */
export type StateName =
  | 'parameters'
  | 'firstMoment'
  | 'secondMoment'
  | 'statistics'
  | 'averageParameters'
  | 'averageStatistics';

/** Scalars that the caller feeds with every step. */
export const rateNames = ['stepSize', 'secondCorrection', 'shrink', 'averageKeep'] as const;

/** Name of the output that holds [loss, cross-entropy, gradient norm, soft Dice of every class]. */
export const reportName = 'report';

export interface StepGraph {
  readonly layout: NetworkLayout;
  readonly state: Readonly<Partial<Record<StateName, number>>>;
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** For tests: the loss and the flat gradient. */
  readonly loss: Tensor;
  readonly gradient: Tensor;
}

/** Name of the output that holds a state vector after the step. */
export function nextName(state: string): string {
  return `next.${state}`;
}

/**
 * Forward pass, gradients, optimiser and averages as one graph. Inputs: `image` [N, C, H, W] float32, `targets`
 * [N, H, W] uint8, the state vectors and the rates. Outputs: `report` and `next.*` for every state vector.
 */
export function stepGraph(options: StepGraphOptions): StepGraph {
  const { network, batchSize, height, width } = options;
  for (const [key, value] of Object.entries({ batchSize, height, width })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new NetworkError('value-invalid', `${key} must be a positive whole number, found ${value}`);
    }
  }
  const layout = layoutOf(network);
  const vector = (name: StateName, size: number) => input(name, [size]);
  const parameters = vector('parameters', layout.parameterCount);
  const statistics = vector('statistics', layout.statisticCount);
  const image = input('image', [batchSize, network.inputChannels, height, width]);
  const targets = input('targets', [batchSize, height, width], 'uint8');

  const scope = trainingScope(layout, parameters);
  const logits = network.forward(scopeOf(scope), image);
  if (logits.shape[1] !== network.classes) {
    throw new NetworkError(
      'shape-mismatch',
      `${network.name}: expected ${network.classes} classes of logits, found ${formatShape(logits.shape)}`,
    );
  }
  const { loss, crossEntropy, dice } = segmentationLoss(logits, targets, options.loss);
  const gradient = concat(
    gradients(loss, scope.parameters).map((g, i) => reshape(g, [layout.parameters[i]!.size])),
    0,
  );

  const rates = Object.fromEntries(rateNames.map((name) => [name, input(name, [])])) as Record<
    (typeof rateNames)[number],
    Tensor
  >;
  const moments = {
    firstMoment: vector('firstMoment', layout.parameterCount),
    secondMoment: vector('secondMoment', layout.parameterCount),
  };
  const next: Partial<Record<StateName, Tensor>> = adamStep(
    { parameters, ...moments },
    gradient,
    layout.decayCount,
    options.optimiser,
    rates,
  );
  if (layout.statisticCount > 0) next.statistics = scope.nextStatistics(statistics);
  if (options.averaging) {
    const average = (name: StateName, value: Tensor) =>
      movingAverage(vector(name, value.shape[0]!), value, rates.averageKeep);
    next.averageParameters = average('averageParameters', next.parameters!);
    if (next.statistics) next.averageStatistics = average('averageStatistics', next.statistics);
  }
  const norm = sqrt(reduceSumSquare(gradient, [0]));
  const one = (value: Tensor) => reshape(value, [1]);
  const entries = Object.entries(next) as [StateName, Tensor][];
  return {
    layout,
    state: Object.fromEntries(entries.map(([name, tensor]) => [name, tensor.shape[0]!])),
    outputs: {
      [reportName]: concat([one(loss), one(crossEntropy), one(norm), dice], 0),
      ...Object.fromEntries(entries.map(([name, tensor]) => [nextName(name), tensor])),
    },
    loss,
    gradient,
  };
}
