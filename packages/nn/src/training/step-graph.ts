import { gradients } from '../autodiff/gradients.ts';
import { NetworkError } from '../errors/network-error.ts';
import { formatShape, type Shape, sizeOf } from '../graph/shape.ts';
import { input, scalar, type Tensor } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import type { Network } from '../models/network.ts';
import { add, greater, mul, where } from '../operators/elementwise.ts';
import { concat, reshape } from '../operators/layout.ts';
import { reduceSum } from '../operators/reduce.ts';
import { clipNorm, globalNorm } from '../optimisers/clip-norm.ts';
import { averageShare, movingAverage } from '../optimisers/moving-average.ts';
import type { MaskInput } from './dropout-masks.ts';
import type { NetworkLayout } from './layout.ts';
import type { TargetType, TrainingLoss } from './loss.ts';
import { trainingScope } from './scopes/training-scope.ts';
import { type KeptState, type StateVector, segmentVector, stateVectors } from './state-vectors.ts';
import { type StepNumber, stepNumbers } from './step-numbers.ts';
import type { Weights } from './weights.ts';

export interface StepGraphOptions extends KeptState {
  readonly network: Network;
  /** [N, C, ...S] of a micro-batch. */
  readonly imageShape: Shape;
  readonly loss: TrainingLoss;
  /** Limit of the norm of the whole gradient. */
  readonly clipNorm?: number;
}

export interface StepGraph {
  readonly targets: TargetType;
  readonly state: readonly StateVector[];
  readonly numbers: readonly StepNumber[];
  readonly masks: readonly MaskInput[];
  /** What else the loss reports, in order. */
  readonly parts: readonly { readonly name: string; readonly size: number }[];
  /**
   * `next.*` for every state vector, and `report`: the loss, the norm of the gradient, a number that is 0 when the running
   * statistics are finite and NaN when they are not, and the parts.
   */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** For tests: the loss, and the gradient of this micro-batch, a vector for each segment. */
  readonly loss: Tensor;
  readonly gradients: readonly Tensor[];
}

/** Name of the output with the numbers of a step. */
export const reportName = 'report';

/** Name of the output that holds a state vector after the step. */
export function nextName(state: string): string {
  return `next.${state}`;
}

/**
 * Forward pass, gradients, optimiser and averages as one graph. Inputs: `image` float32, `targets`, the state vectors,
 * the step's numbers, the masks of dropout. What is frozen is constant, and nothing is differentiated before the first
 * layer that is trained.
 *
 * With more than one micro-batch the gradients are summed in the state; in the last one the mean gradient goes through
 * clipping and optimiser, and the sum starts anew. Running statistics follow every micro-batch.
 */
export function stepGraph(options: StepGraphOptions, layout: NetworkLayout, frozen: Weights): StepGraph {
  const { network, imageShape, optimiser, averageDecay, microBatches } = options;
  const { segments } = layout;
  const accumulating = microBatches > 1;
  const averaging = averageDecay > 0;
  const state = stateVectors(layout, options);
  const vectors = new Map(state.map(({ name, size }) => [name, input(name, [size])]));
  const perSegment = (kind: string) => segments.map((_, i) => vectors.get(segmentVector(kind, i))!);
  const parameters = perSegment('parameters');

  const scope = trainingScope(layout, parameters, frozen);
  const logits = network.forward(scopeOf(scope), input('image', imageShape));
  if (logits.shape[1] !== network.classes) {
    throw new NetworkError(
      'shape-mismatch',
      `${network.name}: expected ${network.classes} classes of logits, found ${formatShape(logits.shape)}`,
    );
  }
  const targets = options.loss.targets(logits.shape);
  const { loss, parts } = options.loss.build(logits, input('targets', targets.shape, targets.type));
  const ofBatch = flatGradients(loss, scope.trained);

  const numbers = stepNumbers();
  const sums = accumulating ? perSegment('gradientSum').map((sum, i) => add(sum, ofBatch[i]!)) : [];
  const mean = accumulating ? sums.map((sum) => mul(sum, scalar(1 / microBatches))) : ofBatch;
  const norm = globalNorm(mean);
  const clipped = options.clipNorm === undefined ? mean : clipNorm(mean, norm, options.clipNorm);

  const next = new Map<string, Tensor>();
  for (const [i, segment] of segments.entries()) {
    const update = optimiser.update({
      parameters: parameters[i]!,
      gradient: clipped[i]!,
      memory: Object.fromEntries(optimiser.memory.map((kind) => [kind, perSegment(kind)[i]!])),
      weightDecay: segment.weightDecay,
      rate: (compute) =>
        numbers.declare(({ learningRate, step }) =>
          compute({ learningRate: learningRate * segment.learningRate, step: step - segment.since }),
        ),
    });
    next.set(segmentVector('parameters', i), update.parameters);
    for (const kind of optimiser.memory) next.set(segmentVector(kind, i), update.memory[kind]!);
  }
  const statistics = vectors.get('statistics');
  const nextStatistics = statistics && scope.nextStatistics(statistics);
  if (averaging) {
    const share = numbers.declare(({ step }) => averageShare(averageDecay, step));
    const average = (name: string, value: Tensor) =>
      next.set(name, movingAverage(vectors.get(name)!, value, share));
    for (const i of segments.keys()) {
      average(segmentVector('averageParameters', i), next.get(segmentVector('parameters', i))!);
    }
    if (nextStatistics) average('averageStatistics', nextStatistics);
  }
  if (accumulating) {
    const isLast = greater(
      numbers.declare((time) => (time.isLast ? 1 : 0)),
      scalar(0.5),
    );
    for (const [name, value] of next) next.set(name, where(isLast, value, vectors.get(name)!));
    for (const [i, sum] of sums.entries()) {
      next.set(segmentVector('gradientSum', i), where(isLast, scalar(0), sum));
    }
  }
  if (nextStatistics) next.set('statistics', nextStatistics);

  // Images of finite numbers whose variance is infinite give a finite loss, but statistics that spoil every model.
  const overflow = nextStatistics ? reduceSum(mul(nextStatistics, scalar(0))) : scalar(0);
  const entries = Object.entries(parts);
  const reported = [loss, norm, overflow, ...entries.map(([, part]) => part)];
  return {
    targets,
    state,
    numbers: numbers.all,
    masks: scope.masks,
    parts: entries.map(([name, { shape }]) => ({ name, size: sizeOf(shape) })),
    outputs: {
      [reportName]: concat(
        reported.map((value) => reshape(value, [sizeOf(value.shape)])),
        0,
      ),
      ...Object.fromEntries(state.map(({ name }) => [nextName(name), next.get(name)!])),
    },
    loss,
    gradients: ofBatch,
  };
}

/** The gradient of each segment as one vector. */
function flatGradients(loss: Tensor, segments: readonly (readonly Tensor[])[]): Tensor[] {
  const all = gradients(loss, segments.flat());
  let start = 0;
  return segments.map((parameters) => {
    const own = all.slice(start, start + parameters.length);
    start += parameters.length;
    return concat(
      own.map((gradient) => reshape(gradient, [sizeOf(gradient.shape)])),
      0,
    );
  });
}
